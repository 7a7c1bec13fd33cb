package loadbalancing

import (
	"fmt"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/acm"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/route53"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

// maxCommonName is the longest first name of a certificate, by RFC 5280.
const maxCommonName = 64

// proofTTL is for how long resolvers may keep the proof of a name's ownership, or its absence, in seconds.
const proofTTL = 60

// issues reports whether a certificate is issued for the alias.
func (a *Args) issues() bool {
	return a.Alias != nil && a.CertificateARN == nil && slices.ContainsFunc(a.Listeners, Listener.encrypted)
}

// validCertificate holds the certificate against the listeners.
func (a *Args) validCertificate() error {
	var problems invalid.List
	first := slices.IndexFunc(a.Listeners, Listener.encrypted)
	switch {
	case first >= 0 && a.CertificateARN == nil && a.Alias == nil:
		problems.Add(fmt.Sprintf("listeners[%d].protocol", first), a.Listeners[first].Protocol,
			"needs a certificate, or an alias for which one is issued")
	case first < 0 && a.CertificateARN != nil:
		problems.Missing("certificateArn", "no listener uses it: none is for TLS or HTTPS")
	}
	return problems.Err()
}

// given returns a certificate's ARN as listeners take it.
func given(arn pulumi.StringInput) pulumi.StringPtrInput {
	if arn == nil {
		return nil
	}
	return arn.ToStringOutput().ToStringPtrOutput()
}

// certificate requests a certificate for the alias and returns its ARN once it is valid: a listener refuses a certificate
// that is pending. ACM renews it as long as its DNS record stays in the zone.
func (b *Balancer) certificate(
	ctx *pulumi.Context, name string, args *Args, zone pulumi.StringInput,
) (pulumi.StringPtrInput, error) {
	certificate, err := acm.NewCertificate(ctx, name+"-certificate", &acm.CertificateArgs{
		DomainName:       pulumi.String(args.Alias.Name),
		ValidationMethod: pulumi.String("DNS"),
		Tags:             pulumi.ToStringMap(args.Tags),
	}, pulumi.Parent(b))
	if err != nil {
		return nil, err
	}
	option := certificate.DomainValidationOptions.Index(pulumi.Int(0)) // the certificate has a single name
	proof, err := route53.NewRecord(ctx, name+"-proof", &route53.RecordArgs{
		ZoneId:  zone,
		Name:    option.ResourceRecordName().Elem(),
		Type:    option.ResourceRecordType().Elem(),
		Records: pulumi.StringArray{option.ResourceRecordValue().Elem()},
		Ttl:     pulumi.Int(proofTTL),
		// Every certificate of an account for the same name asks for the same record: a replacement finds it there.
		AllowOverwrite: pulumi.Bool(true),
	}, pulumi.Parent(b))
	if err != nil {
		return nil, err
	}
	validation, err := acm.NewCertificateValidation(ctx, name+"-validation", &acm.CertificateValidationArgs{
		CertificateArn:        certificate.Arn,
		ValidationRecordFqdns: pulumi.StringArray{proof.Fqdn},
	}, pulumi.Parent(b))
	if err != nil {
		return nil, err
	}
	return validation.CertificateArn.ToStringPtrOutput(), nil
}
