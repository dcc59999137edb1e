// What the C programs have in common: the objects, which are those of kernel.go,
// and the clock.
#include <linux/if_link.h>
#include <time.h>

enum op { ADD, REPLACE, DELETE };
enum kind { ROUTE4, ROUTE6, ADDR4, ADDR6, LINK };

static enum op parse_op(const char *s)
{
	return !strcmp(s, "add") ? ADD : !strcmp(s, "replace") ? REPLACE : DELETE;
}

static enum kind parse_kind(const char *s)
{
	const char *names[] = { "route4", "route6", "addr4", "addr6" };

	for (int i = 0; i < 4; i++)
		if (!strcmp(s, names[i]))
			return i;
	return LINK;
}

static int is_route(enum kind k) { return k <= ROUTE6; }
static int family(enum kind k) { return k == LINK ? AF_UNSPEC : k == ROUTE4 || k == ADDR4 ? AF_INET : AF_INET6; }

// address writes the address of object i and returns its length.
static int address(unsigned char *b, enum kind k, uint32_t i)
{
	if (family(k) == AF_INET) {
		b[0] = 10, b[1] = i >> 16, b[2] = i >> 8, b[3] = i;
		return 4;
	}
	memset(b, 0, 16);
	b[0] = 0xfd;
	b += k == ROUTE6 ? 2 : 12;
	b[0] = i >> 24, b[1] = i >> 16, b[2] = i >> 8, b[3] = i;
	return 16;
}

static int message_type(enum op op, enum kind k)
{
	return (is_route(k) ? RTM_NEWROUTE : RTM_NEWADDR) + (op == DELETE);
}

static int message_flags(enum op op)
{
	return op == ADD ? NLM_F_CREATE | NLM_F_EXCL : op == REPLACE ? NLM_F_CREATE | NLM_F_REPLACE : 0;
}

static void fill_route(struct rtmsg *r, enum op op, enum kind k)
{
	memset(r, 0, sizeof(*r));
	r->rtm_family = family(k);
	r->rtm_dst_len = k == ROUTE4 ? 32 : 48;
	r->rtm_table = RT_TABLE_MAIN;
	r->rtm_type = RTN_UNICAST;
	r->rtm_scope = k == ROUTE4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	r->rtm_protocol = op == ADD ? RTPROT_STATIC : op == REPLACE ? RTPROT_BIRD : 0;
}

static void fill_addr(struct ifaddrmsg *a, enum kind k, uint32_t index)
{
	memset(a, 0, sizeof(*a));
	a->ifa_family = family(k);
	a->ifa_prefixlen = k == ADDR4 ? 32 : 128;
	a->ifa_flags = k == ADDR6 ? IFA_F_NODAD : 0;
	a->ifa_index = index;
}

static int dump_type(enum kind k) { return k == LINK ? RTM_GETLINK : is_route(k) ? RTM_GETROUTE : RTM_GETADDR; }

// dump_header fills in the header of a request and returns its length.
static int dump_header(void *b, enum kind k)
{
	*(unsigned char *)b = family(k);
	return k == LINK ? sizeof(struct ifinfomsg) : is_route(k) ? sizeof(struct rtmsg) : sizeof(struct ifaddrmsg);
}

static inline int netlink(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), on = 1;

	setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	return fd;
}

// A stamp is the time that has gone by, and that of the processor which this
// process has taken, in nanoseconds.
struct stamp { long long wall, cpu; };

static long long clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static struct stamp now(void)
{
	return (struct stamp){ clock_ns(CLOCK_MONOTONIC), clock_ns(CLOCK_PROCESS_CPUTIME_ID) };
}

static void answer(struct stamp start, int err, long count)
{
	struct stamp end = now();

	if (err)
		printf("error %s\n", strerror(err));
	else
		printf("%lld %lld %ld\n", end.wall - start.wall, end.cpu - start.cpu, count);
	fflush(stdout);
}
