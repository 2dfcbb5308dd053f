/* A clock that starts at another moment and runs faster, for every program of one lab host (by /etc/ld.so.preload).
 *
 * Compiled with REAL_START and FAKE_START (seconds since 1970) and RATE (fake seconds for one real second). What a program
 * reads as time, and as the times of files, follows one mapping; time-outs and sleeps stay real. Dovecot is left out: it
 * watches for clock jumps, and its lines are stamped by syslog anyway.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

#define NANO 1000000000LL

static int exempt(void)
{
    static int known = -1;
    char program[256];

    if (known < 0) {
        ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
        program[length > 0 ? length : 0] = 0;
        known = strstr(program, "dovecot") != 0;
    }
    return known;
}

static void forward(struct timespec *t)
{
    long long since = (t->tv_sec - REAL_START) * NANO + t->tv_nsec;

    if (exempt())
        return;
    since = since > 0 ? since * RATE : since; /* before the start the two clocks run alike */
    since += FAKE_START * NANO;
    t->tv_sec = since / NANO;
    t->tv_nsec = since % NANO;
}

static void backward(struct timespec *t)
{
    long long since = (t->tv_sec - FAKE_START) * NANO + t->tv_nsec;

    if (exempt())
        return;
    since = (since > 0 ? since / RATE : since) + REAL_START * NANO;
    t->tv_sec = since / NANO;
    t->tv_nsec = since % NANO;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
    int result = (int) syscall(SYS_clock_gettime, clock, t);

    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        forward(t);
    return result;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    struct timespec t;

    (void) zone;
    clock_gettime(CLOCK_REALTIME, &t);
    tv->tv_sec = t.tv_sec;
    tv->tv_usec = t.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *where)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    if (where)
        *where = t.tv_sec;
    return t.tv_sec;
}

static int shifted(int result, struct stat *s)
{
    if (result == 0) {
        forward(&s->st_mtim);
        forward(&s->st_ctim);
        forward(&s->st_atim);
    }
    return result;
}

int stat(const char *restrict path, struct stat *restrict s)
{
    return shifted((int) syscall(SYS_newfstatat, AT_FDCWD, path, s, 0), s);
}

int lstat(const char *restrict path, struct stat *restrict s)
{
    return shifted((int) syscall(SYS_newfstatat, AT_FDCWD, path, s, AT_SYMLINK_NOFOLLOW), s);
}

int fstat(int file, struct stat *s)
{
    return shifted((int) syscall(SYS_fstat, file, s), s);
}

static int set_times(int folder, const char *path, const struct timespec given[2])
{
    struct timespec real[2];

    if (!given)
        return (int) syscall(SYS_utimensat, folder, path, 0, 0);
    memcpy(real, given, sizeof(real));
    backward(&real[0]);
    backward(&real[1]);
    return (int) syscall(SYS_utimensat, folder, path, real, 0);
}

static int set_micro(int folder, const char *path, const struct timeval given[2])
{
    struct timespec wanted[2];

    if (!given)
        return set_times(folder, path, 0);
    for (int i = 0; i < 2; i++) {
        wanted[i].tv_sec = given[i].tv_sec;
        wanted[i].tv_nsec = given[i].tv_usec * 1000;
    }
    return set_times(folder, path, wanted);
}

int utimes(const char *path, const struct timeval given[2])
{
    return set_micro(AT_FDCWD, path, given);
}

int futimes(int file, const struct timeval given[2])
{
    return set_micro(file, 0, given);
}

int futimesat(int folder, const char *path, const struct timeval given[2])
{
    return set_micro(folder, path, given);
}

int utime(const char *path, const struct utimbuf *given)
{
    struct timespec wanted[2] = {{0, 0}, {0, 0}};

    if (!given)
        return set_times(AT_FDCWD, path, 0);
    wanted[0].tv_sec = given->actime;
    wanted[1].tv_sec = given->modtime;
    return set_times(AT_FDCWD, path, wanted);
}
