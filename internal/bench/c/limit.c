// The limit: what a C program without a library reaches. It batches changes, 64 KiB
// per system call with one confirmation at the end of each, and receives dumps and
// notifications without parsing anything.
//
// It reads commands from its standard input, does each and prints the nanoseconds
// that it took, those of the processor, and a count:
//
//	change OP KIND INDEX N    add, replace or delete N objects on link INDEX
//	dump KIND                 receive a dump; the count is of bytes
//	join GROUP BYTES          subscribe; the count is the receive buffer granted
//	drain N                   receive N notifications
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "object.h"

#define BATCH (64 << 10)

static char out[BATCH], in[64 << 10];
static struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

static void attr(struct nlmsghdr *h, int type, const void *data, int len)
{
	struct rtattr *a = (struct rtattr *)((char *)h + NLMSG_ALIGN(h->nlmsg_len));

	a->rta_type = type;
	a->rta_len = RTA_LENGTH(len);
	memcpy(RTA_DATA(a), data, len);
	h->nlmsg_len = NLMSG_ALIGN(h->nlmsg_len) + RTA_ALIGN(a->rta_len);
}

// put writes one message.
static struct nlmsghdr *put(char *at, enum op op, enum kind kind, uint32_t index, uint32_t i)
{
	struct nlmsghdr *h = (struct nlmsghdr *)at;
	unsigned char dst[16];
	int len = address(dst, kind, i);

	memset(h, 0, NLMSG_SPACE(sizeof(struct rtmsg)));
	h->nlmsg_type = message_type(op, kind);
	h->nlmsg_flags = NLM_F_REQUEST | message_flags(op);
	if (is_route(kind)) {
		h->nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg));
		fill_route(NLMSG_DATA(h), op, kind);
		attr(h, RTA_DST, dst, len);
		attr(h, RTA_OIF, &index, 4);
	} else {
		h->nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg));
		fill_addr(NLMSG_DATA(h), kind, index);
		attr(h, IFA_LOCAL, dst, len);
		attr(h, IFA_ADDRESS, dst, len);
	}
	return h;
}

static int change(int fd, enum op op, enum kind kind, uint32_t index, uint32_t n)
{
	for (uint32_t i = 0; i < n;) {
		size_t len = 0;
		struct nlmsghdr *last = NULL;

		for (; i < n && len + 128 <= sizeof(out); i++) {
			last = put(out + len, op, kind, index, i);
			last->nlmsg_seq = i;
			len += NLMSG_ALIGN(last->nlmsg_len);
		}
		last->nlmsg_flags |= NLM_F_ACK;
		if (sendto(fd, out, len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) != (ssize_t)len)
			return errno;
		for (;;) {
			struct nlmsghdr *h = (struct nlmsghdr *)in;

			if (recv(fd, in, sizeof(in), 0) < (ssize_t)sizeof(*h))
				return errno;
			if (h->nlmsg_type != NLMSG_ERROR)
				return EPROTO;
			if (((struct nlmsgerr *)NLMSG_DATA(h))->error)
				return -((struct nlmsgerr *)NLMSG_DATA(h))->error;
			if (h->nlmsg_seq == last->nlmsg_seq)
				break;
		}
	}
	return 0;
}

static int dump(int fd, enum kind kind, long *count)
{
	struct nlmsghdr *h = (struct nlmsghdr *)out;
	ssize_t n;

	memset(out, 0, 64);
	h->nlmsg_len = NLMSG_LENGTH(dump_header(NLMSG_DATA(h), kind));
	h->nlmsg_type = dump_type(kind);
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	if (sendto(fd, out, h->nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return errno;
	for (;;) {
		if ((n = recv(fd, in, 32 << 10, 0)) < 20)
			return n < 0 ? errno : EPROTO;
		*count += n;
		// NLMSG_DONE is the last message of the last datagram.
		h = (struct nlmsghdr *)(in + n - 20);
		if (h->nlmsg_len == 20 && h->nlmsg_type == NLMSG_DONE)
			return 0;
	}
}

static int join(int *fd, int group, int bytes, long *count)
{
	socklen_t len = sizeof(bytes);

	if (*fd >= 0)
		close(*fd);
	if ((*fd = netlink()) < 0)
		return errno;
	// A socket without a port receives no notifications.
	if (bind(*fd, (struct sockaddr *)&kernel, sizeof(kernel)))
		return errno;
	if (setsockopt(*fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) &&
	    setsockopt(*fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)))
		return errno;
	if (getsockopt(*fd, SOL_SOCKET, SO_RCVBUF, &bytes, &len))
		return errno;
	*count = bytes;
	return setsockopt(*fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) ? errno : 0;
}

static int drain(int fd, long n)
{
	while (n-- > 0)
		if (recv(fd, in, 32 << 10, 0) < 0)
			return errno;
	return 0;
}

int main(void)
{
	char line[128], op[16], kind[16];
	int fd = netlink(), group = -1, a;
	long n, count;

	while (fgets(line, sizeof(line), stdin)) {
		struct stamp start = now();
		int err = EINVAL;

		count = 0;
		if (sscanf(line, "change %15s %15s %d %ld", op, kind, &a, &n) == 4)
			err = change(fd, parse_op(op), parse_kind(kind), a, n);
		else if (sscanf(line, "dump %15s", kind) == 1)
			err = dump(fd, parse_kind(kind), &count);
		else if (sscanf(line, "join %d %ld", &a, &n) == 2)
			err = join(&group, a, n, &count);
		else if (sscanf(line, "drain %ld", &n) == 1)
			err = drain(group, n);
		answer(start, err, count);
	}
}
