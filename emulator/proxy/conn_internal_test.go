package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/ca"
)

// A client may take its time to read what was sent to it, as with TCP: crypto/tls alone would give up after five seconds.
func TestTheEndOfAFlowOverTLSWaitsForASlowClient(t *testing.T) {
	authority, err := ca.New("test authority")
	require.NoError(t, err)
	certificate, err := authority.Certificate("127.0.0.1")
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(authority.PEM()))
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(certificate.Leaf.NotBefore.Add(time.Hour))) // the bubble's time begins in 2000
		ours, theirs := net.Pipe()
		server := tls.Server(patient{ours}, &tls.Config{Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS12})
		client := tls.Client(theirs, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12})
		ended := make(chan error, 1)
		go func() {
			_, err := io.WriteString(server, "bye")
			assert.NoError(t, err)
			ended <- server.CloseWrite()
			_ = ours.Close()
		}()
		answer := make([]byte, len("bye"))
		_, err := io.ReadFull(client, answer)
		require.NoError(t, err)
		time.Sleep(time.Minute)
		_, err = client.Read(answer)
		require.ErrorIs(t, err, io.EOF)
		require.NoError(t, <-ended)
	})
}
