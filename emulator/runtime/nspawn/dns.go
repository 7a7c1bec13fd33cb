package nspawn

import (
	"net"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// serveDNS answers until the connection is closed.
func serveDNS(conn net.PacketConn, lookup func(name string) (netip.Addr, bool)) {
	buffer := make([]byte, 1500)
	for {
		n, from, err := conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		if reply := dnsReply(buffer[:n], lookup); reply != nil {
			_, _ = conn.WriteTo(reply, from)
		}
	}
}

// dnsReply answers a query for an IPv4 address. A known name has no records of other types; an unknown name does not exist.
func dnsReply(query []byte, lookup func(string) (netip.Addr, bool)) []byte {
	var request dnsmessage.Message
	if request.Unpack(query) != nil || len(request.Questions) != 1 || request.Response {
		return nil
	}
	question := request.Questions[0]
	reply := dnsmessage.Message{
		Header: dnsmessage.Header{
			ID: request.ID, Response: true, RecursionDesired: request.RecursionDesired, RecursionAvailable: true,
		},
		Questions: request.Questions,
	}
	address, known := lookup(strings.ToLower(strings.TrimSuffix(question.Name.String(), ".")))
	switch {
	case !known:
		reply.RCode = dnsmessage.RCodeNameError
	case question.Type == dnsmessage.TypeA:
		reply.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: question.Name, Type: question.Type, Class: question.Class, TTL: 5},
			Body:   &dnsmessage.AResource{A: address.As4()},
		}}
	}
	packed, err := reply.Pack()
	if err != nil {
		return nil
	}
	return packed
}
