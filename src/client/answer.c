/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is told about a command: its result, and for calls that fail a sentence that each thread
 * keeps for itself. A sentence for which there is no memory is left out; the code says enough.
 */
#include "client/answer.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "util/err.h"

#define DETAIL_BYTES_MAX 2048

static _Thread_local char detail[DETAIL_BYTES_MAX];

/**
 * answer_new() - an answer that says nothing yet
 * @ret_answer: it
 *
 * Return: 0 or -ENOMEM
 */
int answer_new(struct answer **ret_answer)
{
        struct answer *answer;

        answer = calloc(1, sizeof(*answer));
        if (!answer)
                return err_origin(-ENOMEM);
        answer->result.wait_status = -1;
        *ret_answer = answer;
        return 0;
}

/**
 * answer_free() - give it back
 * @answer: it, or NULL
 *
 * Return: NULL
 */
struct answer *answer_free(struct answer *answer)
{
        if (!answer)
                return NULL;
        free(answer->filter);
        free(answer->reason);
        free(answer->out);
        free(answer->err);
        free(answer);
        return NULL;
}

/**
 * answer_set_error() - there is no exit code
 * @answer: says so
 * @error:  negative errno or ROOTWRAP_E_*
 * @reason: a sentence, or NULL
 */
void answer_set_error(struct answer *answer, int error, const char *reason)
{
        answer->result.error = error;
        if (reason && !answer->reason)
                answer->reason = strdup(reason);
}

/**
 * answer_set_status() - it ran and ended
 * @answer:      says so
 * @wait_status: as wait(2) has it
 */
void answer_set_status(struct answer *answer, int wait_status)
{
        answer->result.wait_status = wait_status;
        answer->result.exit_code =
                WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

/**
 * answer_put_reason() - a refusal is on stderr as rootwrap would write it
 * @answer: of a command that was refused, or any other
 * @label:  who says it
 */
void answer_put_reason(struct answer *answer, const char *label)
{
        if (!answer->result.is_refused || !answer->reason || answer->err)
                return;
        if (asprintf(&answer->err, "%s: %s\n", label, answer->reason) < 0)
                answer->err = NULL;
        else
                answer->result.n_err = strlen(answer->err);
}

/**
 * answer_seal() - let the public part show what the answer owns
 * @answer: is not changed any more
 */
void answer_seal(struct answer *answer)
{
        answer->result.filter = answer->filter;
        answer->result.reason = answer->reason;
        answer->result.out = answer->out ? answer->out : "";
        answer->result.err = answer->err ? answer->err : "";
}

/**
 * answer_note() - keep a sentence for rootwrap_detail()
 * @error: what is returned
 * @text:  more about it, or NULL
 */
void answer_note(int error, const char *text)
{
        (void)snprintf(detail, sizeof(detail), "%s", text ? text : rootwrap_strerror(error));
}

/**
 * rootwrap_detail() - see librootwrap(3)
 *
 * Return: a sentence
 */
const char *rootwrap_detail(void)
{
        return detail;
}

/**
 * rootwrap_strerror() - see librootwrap(3)
 * @error: 0, negative errno or ROOTWRAP_E_*
 *
 * Return: a sentence
 */
const char *rootwrap_strerror(int error)
{
        static const char *const sentences[] = {
                [0] = "No error",
                [ROOTWRAP_E_UNKNOWN] = "The connection broke: the command may have been executed",
                [ROOTWRAP_E_START] = "The daemon could not be started or reached",
                [ROOTWRAP_E_PROTOCOL] = "The daemon does not keep to the protocol",
                [ROOTWRAP_E_NATIVE] = "The daemon has no native.sock: it is not rootwrapd's",
                [ROOTWRAP_E_CONFIG] = "The service's configuration can't be used",
                [ROOTWRAP_E_BUSY] = "Too many commands at once",
                [ROOTWRAP_E_FORKED] = "The handle belongs to another process",
                [ROOTWRAP_E_CLOSED] = "The handle was closed",
        };
        const char *text;

        if (error < 0) {
                text = strerrordesc_np(-error);
                return text ? text : "Unknown error";
        }
        if ((size_t)error < sizeof(sentences) / sizeof(sentences[0]))
                return sentences[error];
        return "Unknown error";
}

/**
 * rootwrap_result_free() - see librootwrap(3)
 * @result: NULL, or of rootwrap_execute() or rootwrap_run()
 */
void rootwrap_result_free(struct rootwrap_result *result)
{
        (void)answer_free((struct answer *)(void *)result);
}
