// libmnl as its examples use it: one message and its confirmation at a time, and
// dumps and notifications whose attributes are collected in a table.
//
// Commands are those of limit.c; the count of a dump is of its entries.
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "object.h"

static char buf[32 << 10];
static struct nlattr *tb[256];

static int change(struct mnl_socket *nl, enum op op, enum kind kind, uint32_t index, uint32_t n)
{
	unsigned int port = mnl_socket_get_portid(nl);

	for (uint32_t i = 0; i < n; i++) {
		struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
		unsigned char dst[16];
		int len = address(dst, kind, i);

		h->nlmsg_type = message_type(op, kind);
		h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | message_flags(op);
		h->nlmsg_seq = i + 1;
		if (is_route(kind)) {
			fill_route(mnl_nlmsg_put_extra_header(h, sizeof(struct rtmsg)), op, kind);
			mnl_attr_put(h, RTA_DST, len, dst);
			mnl_attr_put_u32(h, RTA_OIF, index);
		} else {
			fill_addr(mnl_nlmsg_put_extra_header(h, sizeof(struct ifaddrmsg)), kind, index);
			mnl_attr_put(h, IFA_LOCAL, len, dst);
			mnl_attr_put(h, IFA_ADDRESS, len, dst);
		}
		if (mnl_socket_sendto(nl, h, h->nlmsg_len) < 0)
			return errno;
		ssize_t got = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (got < 0 || mnl_cb_run(buf, got, i + 1, port, NULL, NULL) < 0)
			return errno;
	}
	return 0;
}

static int put_attr(const struct nlattr *a, void *data)
{
	(void)data;
	if (mnl_attr_get_type(a) < 256)
		tb[mnl_attr_get_type(a)] = (struct nlattr *)a;
	return MNL_CB_OK;
}

static int entry(const struct nlmsghdr *h, void *data)
{
	int header = h->nlmsg_type == RTM_NEWLINK ? sizeof(struct ifinfomsg) :
		     h->nlmsg_type == RTM_NEWROUTE ? sizeof(struct rtmsg) : sizeof(struct ifaddrmsg);

	memset(tb, 0, sizeof(tb));
	++*(long *)data;
	return mnl_attr_parse(h, header, put_attr, NULL);
}

static int dump(struct mnl_socket *nl, enum kind kind, long *count)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	ssize_t n;
	int r = MNL_CB_OK;
	char extra[sizeof(struct ifinfomsg)] = { 0 };

	h->nlmsg_type = dump_type(kind);
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	h->nlmsg_seq = 1;
	int len = dump_header(extra, kind);
	memcpy(mnl_nlmsg_put_extra_header(h, len), extra, len);
	if (mnl_socket_sendto(nl, h, h->nlmsg_len) < 0)
		return errno;
	while (r > MNL_CB_STOP && (n = mnl_socket_recvfrom(nl, buf, sizeof(buf))) > 0)
		r = mnl_cb_run(buf, n, 1, mnl_socket_get_portid(nl), entry, count);
	return r == MNL_CB_STOP ? 0 : errno;
}

static int join(struct mnl_socket **nl, int group, int bytes, long *count)
{
	socklen_t len = sizeof(bytes);

	if (*nl)
		mnl_socket_close(*nl);
	if (!(*nl = mnl_socket_open(NETLINK_ROUTE)) || mnl_socket_bind(*nl, 0, MNL_SOCKET_AUTOPID))
		return errno;
	int fd = mnl_socket_get_fd(*nl);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)))
		return errno;
	if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, &len))
		return errno;
	*count = bytes;
	return mnl_socket_setsockopt(*nl, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) ? errno : 0;
}

static int drain(struct mnl_socket *nl, long n, long *count)
{
	while (*count < n) {
		ssize_t got = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (got < 0 || mnl_cb_run(buf, got, 0, 0, entry, count) < 0)
			return errno;
	}
	return 0;
}

int main(void)
{
	char line[128], op[16], kind[16];
	struct mnl_socket *nl = mnl_socket_open(NETLINK_ROUTE), *group = NULL;
	long n, count;
	int a;

	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID))
		return 1;
	while (fgets(line, sizeof(line), stdin)) {
		struct stamp start = now();
		int err = EINVAL;

		count = 0;
		if (sscanf(line, "change %15s %15s %d %ld", op, kind, &a, &n) == 4)
			err = change(nl, parse_op(op), parse_kind(kind), a, n);
		else if (sscanf(line, "dump %15s", kind) == 1)
			err = dump(nl, parse_kind(kind), &count);
		else if (sscanf(line, "join %d %ld", &a, &n) == 2)
			err = join(&group, a, n, &count);
		else if (sscanf(line, "drain %ld", &n) == 1)
			err = drain(group, n, &count);
		answer(start, err, count);
	}
}
