/* What the C tests share: a failed check says where and ends the test. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <naslane.h>

#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);   \
            exit(1);                                                                  \
        }                                                                             \
    } while (0)

/* The call gives this status. */
#define GIVES(status, call)                                                           \
    do {                                                                              \
        int32_t given_ = (call);                                                      \
        if (given_ != (status)) {                                                     \
            fprintf(stderr, "%s:%d: %s\n  gave %d (%s), not %s\n", __FILE__, __LINE__, \
                    #call, (int)given_, naslane_status_text(given_), #status);        \
            exit(1);                                                                  \
        }                                                                             \
    } while (0)

#define OK(call) GIVES(NASLANE_OK, call)

#endif
