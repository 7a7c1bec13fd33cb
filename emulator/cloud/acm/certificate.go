package acm

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/route53"
)

// Certificate is a certificate that is issued once DNS records prove its domains.
type Certificate struct {
	ARN     string
	Domains []string
	Issued  bool
}

// ValidationRecord is the CNAME record that proves a domain.
type ValidationRecord struct{ Domain, Name, Value string }

// RequestCertificate requests a certificate for one or more domains. A wildcard stands for one label.
func (s *Store) RequestCertificate(domains ...string) (Certificate, error) {
	certificate := &Certificate{ARN: s.region.ARN("acm", "certificate/"+aws.UUID()), Domains: domains}
	for _, domain := range domains {
		if !route53.ZoneName.MatchString(strings.TrimPrefix(domain, "*.")) || len(domain) > 253 {
			return Certificate{}, aws.Refuse("InvalidDomainValidationOptionsException", "The domain name %s is invalid", domain)
		}
	}
	s.Certificates[certificate.ARN] = certificate
	return *certificate, nil
}

// Validation returns the records that prove the domains. A domain and its wildcard share a record.
func (a Certificate) Validation() []ValidationRecord {
	var records []ValidationRecord
	for _, domain := range a.Domains {
		plain := strings.TrimPrefix(domain, "*.")
		sum := fmt.Sprintf("%x", sha256.Sum256([]byte(aws.Account+plain)))
		records = append(records, ValidationRecord{
			Domain: domain, Name: "_" + sum[:32] + "." + plain + ".", Value: "_" + sum[32:] + ".acm-validations.aws.",
		})
	}
	return records
}

// ValidateCertificate issues a certificate if its records exist. AWS looks for them for 72 hours.
func (s *Store) ValidateCertificate(arn string) error {
	certificate := s.Certificates[arn]
	if certificate == nil {
		return aws.Refuse("ResourceNotFoundException", "Could not find certificate %s", arn)
	}
	for _, record := range certificate.Validation() {
		if !s.route53.HasRecord(strings.TrimSuffix(record.Name, "."), "CNAME", record.Value) {
			return aws.Refuse("PENDING_VALIDATION", "the certificate for %s is not issued: no hosted zone has the record %s CNAME %s",
				record.Domain, record.Name, record.Value)
		}
	}
	certificate.Issued = true
	return nil
}

// Certificate returns a certificate, or false.
func (s *Store) Certificate(arn string) (Certificate, bool) {
	certificate := s.Certificates[arn]
	if certificate == nil {
		return Certificate{}, false
	}
	return *certificate, true
}

// DeleteCertificate deletes a certificate that is not in use.
func (s *Store) DeleteCertificate(arn string) error {
	if s.User != nil {
		if user := s.User(arn); user != "" {
			return aws.Refuse("ResourceInUseException", "Certificate %s in use: %s", arn, user)
		}
	}
	delete(s.Certificates, arn)
	return nil
}
