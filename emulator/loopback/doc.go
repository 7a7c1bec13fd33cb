// Package loopback decides where the addresses and ports of the emulated cloud are on this machine.
//
//	cloud                        this machine
//	192.168.0.57:5000   ──────▶  127.168.0.57:5000    the first octet is 127: Address
//	192.168.0.57:80     ──────▶  127.168.0.57:8080    for another user than root: Port
//
// The addresses need no configuration: all of 127/8 belongs to the loopback interface.
//
// [Listen] and [Dial] take an address on 127/8 with a port of the cloud, and apply [Port]. [Claims] keep two emulators on one machine
// from giving out the same address.
//
// # Programs
//
// Programs of an instance bind the wildcard address, as they do on a machine of their own. A [Spawner] starts them below a seccomp
// filter that holds each bind(2) and connect(2). The emulator then makes the call on the program's socket, with the instance's address
// in place of
//
//	0.0.0.0, ::, 127.0.0.1, ::1, 192.168.0.57
//
// so that, within an instance, localhost is the instance:
//
//	program ── bind 0.0.0.0:5000 ──▶ seccomp ──▶ Spawner ── bind 127.168.0.57:5000 ──▶ the program's socket
//
// A connection to another address, and to port 53 of localhost, leads where a [Route] says: to the network's name server, to a database,
// or into a [BlackHole]. Without a Route it is left alone. A socket for IPv6 alone is bound where nothing reaches it. A program can read
// the changed address and port from its socket and from the kernel's table of sockets.
//
// The filter does not cover datagrams that are sent without connect(2), programs for another architecture than the emulator's (i386 on
// amd64) and io_uring.
//
// A Spawner needs Linux 5.9 on amd64 or arm64, and no privilege. Where pidfd_getfd is denied, as by Docker's default seccomp profile, it
// changes the address in the program's memory instead. A socket for IPv6 alone then cannot be recognised: it is refused the wildcard
// address, and keeps the host's ::1.
package loopback
