package ca_test

import (
	"crypto/x509"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/ca"
)

func TestACertificateIsForItsHostsAndTrustedByTheAuthoritysClientsAlone(t *testing.T) {
	authority, err := ca.New("test authority")
	require.NoError(t, err)
	other, err := ca.New("test authority")
	require.NoError(t, err)
	certificate, err := authority.Certificate("127.255.0.1", "s3.amazonaws.com", "*.s3.amazonaws.com")
	require.NoError(t, err)

	trust, distrust := x509.NewCertPool(), x509.NewCertPool()
	require.True(t, trust.AppendCertsFromPEM(authority.PEM()))
	require.True(t, distrust.AppendCertsFromPEM(other.PEM()))
	for _, host := range []string{"127.255.0.1", "s3.amazonaws.com", "bucket.s3.amazonaws.com"} {
		_, err := certificate.Leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: trust})
		require.NoError(t, err, host)
		_, err = certificate.Leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: distrust})
		require.ErrorContains(t, err, "unknown authority", host)
	}
	for _, host := range []string{"127.255.0.2", "amazonaws.com"} {
		_, err := certificate.Leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: trust})
		require.Error(t, err, host)
	}
}

func TestACertificateNeedsAHost(t *testing.T) {
	authority, err := ca.New("test authority")
	require.NoError(t, err)
	_, err = authority.Certificate()
	assert.ErrorContains(t, err, "no host")
}
