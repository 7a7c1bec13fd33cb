// Package resolver is the name server of an emulated network. It knows the names that the network gives, such as the endpoint of a
// database, and asks this machine's name server for all others, if it may.
package resolver

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// Lookup returns the address of a name, in small letters and without a dot at its end.
type Lookup func(name string) (netip.Addr, bool)

// lifetime is how long a client may keep an address, in seconds: that of RDS's endpoints, which move in a failover.
const lifetime = 5

// Answer answers a query for a name that lookup knows: with its IPv4 address, or without records for another type. It returns nil for a
// query that is none.
func Answer(query []byte, lookup Lookup) (reply []byte, known bool) {
	var request dnsmessage.Message
	if request.Unpack(query) != nil || len(request.Questions) != 1 || request.Response {
		return nil, false
	}
	question := request.Questions[0]
	message := dnsmessage.Message{
		Header: dnsmessage.Header{
			ID: request.ID, Response: true, RecursionDesired: request.RecursionDesired, RecursionAvailable: true,
		},
		Questions: request.Questions,
	}
	address, known := lookup(strings.ToLower(strings.TrimSuffix(question.Name.String(), ".")))
	switch {
	case !known:
		message.RCode = dnsmessage.RCodeNameError
	case question.Type == dnsmessage.TypeA:
		message.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: question.Name, Type: question.Type, Class: question.Class, TTL: lifetime},
			Body:   &dnsmessage.AResource{A: address.As4()},
		}}
	}
	packed, err := message.Pack()
	if err != nil {
		return nil, false
	}
	return packed, known
}

// Serve answers queries until the connection is closed. A name that lookup does not know does not exist.
func Serve(conn net.PacketConn, lookup Lookup) {
	serve(conn, func(query []byte) []byte { reply, _ := Answer(query, lookup); return reply })
}

func serve(conn net.PacketConn, answer func(query []byte) []byte) {
	buffer := make([]byte, 1<<16)
	for {
		n, from, err := conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		query := append([]byte{}, buffer[:n]...)
		go func() { // another name server may take its time
			if reply := answer(query); reply != nil {
				_, _ = conn.WriteTo(reply, from)
			}
		}()
	}
}

// Server is a name server at an address of this machine, on UDP and TCP.
type Server struct {
	udp    net.PacketConn
	tcp    net.Listener
	lookup Lookup
}

// Open opens a name server at a free port of 127.0.0.1.
func Open(lookup Lookup) (*Server, error) {
	const attempts = 10 // a port that UDP has free, TCP may not
	var err error
	for range attempts {
		s := &Server{lookup: lookup}
		if s.udp, err = net.ListenPacket("udp4", "127.0.0.1:0"); err != nil {
			return nil, err
		}
		if s.tcp, err = net.Listen("tcp4", s.udp.LocalAddr().String()); err != nil {
			_ = s.udp.Close()
			continue
		}
		go serve(s.udp, func(query []byte) []byte { return s.answer("udp", query) })
		go s.accept()
		return s, nil
	}
	return nil, err
}

// Address returns the server's address on this machine.
func (s *Server) Address() netip.AddrPort { return s.tcp.Addr().(*net.TCPAddr).AddrPort() }

// Close closes the server.
func (s *Server) Close() error { return errors.Join(s.udp.Close(), s.tcp.Close()) }

func (s *Server) accept() {
	for {
		conn, err := s.tcp.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			for {
				_ = conn.SetDeadline(time.Now().Add(idle))
				query, err := readMessage(conn)
				if err != nil {
					return
				}
				reply := s.answer("tcp", query)
				if reply == nil || writeMessage(conn, reply) != nil {
					return
				}
			}
		}()
	}
}

// Times for a client's next query, and for this machine's name server.
const (
	idle     = 10 * time.Second
	patience = 5 * time.Second
)

// answer answers a query, or has this machine's name server answer it over the same protocol.
func (s *Server) answer(network string, query []byte) []byte {
	reply, known := Answer(query, s.lookup)
	if known || reply == nil {
		return reply
	}
	if forwarded, err := forward(network, query); err == nil {
		return forwarded
	}
	return reply
}

// forward asks this machine's name server.
func forward(network string, query []byte) ([]byte, error) {
	server, err := upstream()
	if err != nil {
		return nil, err
	}
	conn, err := net.DialTimeout(network, server, patience)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if network == "tcp" {
		if err := writeMessage(conn, query); err != nil {
			return nil, err
		}
		return readMessage(conn)
	}
	if _, err := conn.Write(query); err != nil {
		return nil, err
	}
	buffer := make([]byte, 1<<16)
	n, err := conn.Read(buffer)
	return buffer[:n], err
}

// upstream returns the address of this machine's first name server (resolv.conf(5)).
func upstream() (string, error) {
	file, err := os.Open("/etc/resolv.conf")
	if err != nil {
		return "", err
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if words := strings.Fields(lines.Text()); len(words) > 1 && words[0] == "nameserver" {
			return net.JoinHostPort(words[1], "53"), nil
		}
	}
	return "", errors.New("/etc/resolv.conf has no nameserver")
}

// readMessage reads a message as TCP carries it, with its length before it (RFC 1035, 4.2.2).
func readMessage(r io.Reader) ([]byte, error) {
	var length uint16
	if err := binary.Read(r, binary.BigEndian, &length); err != nil {
		return nil, err
	}
	message := make([]byte, length)
	_, err := io.ReadFull(r, message)
	return message, err
}

func writeMessage(w io.Writer, message []byte) error {
	_, err := w.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...))
	return err
}
