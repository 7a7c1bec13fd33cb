package rdsclient

import (
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each region of RDS has three authorities: of RSA 2048 and 4096 and of ECC 384.
func TestTheAuthoritiesAreRDSs(t *testing.T) {
	regions := map[string]int{}
	for rest := roots; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		root, err := x509.ParseCertificate(block.Bytes)
		require.NoError(t, err)
		name := root.Subject.CommonName
		require.NoError(t, root.CheckSignatureFrom(root), name)
		assert.True(t, root.IsCA, name)
		assert.Greater(t, time.Until(root.NotAfter), 10*365*24*time.Hour, name)
		assert.Equal(t, []string{"Amazon Web Services, Inc."}, root.Subject.Organization, name)
		region, found := strings.CutPrefix(name, "Amazon RDS ")
		require.True(t, found, name)
		region, _, _ = strings.Cut(region, " ")
		regions[region]++
	}
	assert.GreaterOrEqual(t, len(regions), 28)
	for region, count := range regions {
		assert.Equal(t, 3, count, region)
	}
}
