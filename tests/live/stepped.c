/* A clock that somebody sets while programs run: real time and the seconds that stand in the file STEPPED. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *t)
{
    int result = (int) syscall(SYS_clock_gettime, clock, t);

    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        char text[32] = "";
        const char *path = getenv("STEPPED");
        int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

        if (file >= 0) {
            ssize_t size = read(file, text, sizeof text - 1);

            close(file);
            if (size > 0)
                t->tv_sec += atoll(text);
        }
    }
    return result;
}

time_t time(time_t *seconds)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    if (seconds)
        *seconds = t.tv_sec;
    return t.tv_sec;
}
