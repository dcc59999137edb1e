// The C side of benchtun: the plainest loops that do a job. The descriptors are 3
// and, if there are two, 4. Times are CPU time of the thread, in nanoseconds.

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static long long cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static char buf[1 << 17];

// The kernel counts references to the descriptors of a process with threads, as
// every Go program has: "threads" before a mode gives this one a second thread.
static void *idle(void *p)
{
	pause();
	return p;
}

// write COUNT: the packet on standard input, again and again.
static void write_loop(long count)
{
	ssize_t n = read(0, buf, sizeof buf);
	long long start = cpu();

	for (long i = 0; i < count; i++)
		if (write(3, buf, n) != n)
			exit(1);
	printf("%lld\n", cpu() - start);
}

// read BURSTS N LEN: N packets of LEN bytes are sent through socket 4, then read.
static void read_loop(long bursts, long n, long len)
{
	long long sum = 0;

	for (long b = 0; b < bursts; b++) {
		for (long i = 0; i < n; i++)
			if (send(4, buf, len, 0) != len)
				exit(1);
		long long start = cpu();
		for (long i = 0; i < n; i++)
			if (read(3, buf, sizeof buf) < len)
				exit(1);
		sum += cpu() - start;
	}
	printf("%lld\n", sum);
}

struct way { int from, to; };

static void *one_way(void *p)
{
	struct way *w = p;
	char *b = malloc(1 << 17);

	for (;;) {
		ssize_t n = read(w->from, b, 1 << 17);
		if (n < 0)
			exit(1);
		if (write(w->to, b, n) != n)
			exit(1);
	}
}

// forward: from 3 to 4 and back, until killed.
static void forward(void)
{
	struct way a = {3, 4}, b = {4, 3};
	pthread_t t;

	pthread_create(&t, NULL, one_way, &a);
	one_way(&b);
}

// source MILLISECONDS: writes to socket 3 for this long.
static void source(long ms)
{
	struct timespec t, now;

	clock_gettime(CLOCK_MONOTONIC, &t);
	do {
		for (int i = 0; i < 8; i++)
			if (write(3, buf, sizeof buf) < 0)
				exit(1);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - t.tv_sec) * 1000 + (now.tv_nsec - t.tv_nsec) / 1000000 < ms);
	shutdown(3, SHUT_WR);
}

// sink: reads socket 3 to its end; bytes and nanoseconds.
static void sink(void)
{
	struct timespec t, now;
	long long sum = 0;
	ssize_t n;

	clock_gettime(CLOCK_MONOTONIC, &t);
	while ((n = read(3, buf, sizeof buf)) > 0)
		sum += n;
	clock_gettime(CLOCK_MONOTONIC, &now);
	printf("%lld %lld\n", sum, (now.tv_sec - t.tv_sec) * 1000000000LL + now.tv_nsec - t.tv_nsec);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	pthread_t t;

	if (!strcmp(mode, "threads") && argc > 2) {
		pthread_create(&t, NULL, idle, NULL);
		argc--;
		argv++;
		mode = argv[1];
	}
	if (!strcmp(mode, "write") && argc == 3)
		write_loop(atol(argv[2]));
	else if (!strcmp(mode, "read") && argc == 5)
		read_loop(atol(argv[2]), atol(argv[3]), atol(argv[4]));
	else if (!strcmp(mode, "forward"))
		forward();
	else if (!strcmp(mode, "source") && argc == 3)
		source(atol(argv[2]));
	else if (!strcmp(mode, "sink"))
		sink();
	else
		return 2;
	return 0;
}
