package provider

import (
	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/acm"
)

type certificateInputs struct {
	DomainName              string            `pulumi:"domainName"`
	SubjectAlternativeNames []string          `pulumi:"subjectAlternativeNames"`
	ValidationMethod        string            `pulumi:"validationMethod"`
	KeyAlgorithm            string            `pulumi:"keyAlgorithm"`
	Tags                    map[string]string `pulumi:"tags"`
}

type validationInputs struct {
	CertificateArn        string   `pulumi:"certificateArn"`
	ValidationRecordFqdns []string `pulumi:"validationRecordFqdns"`
}

type certificateOutputs struct {
	ARN                     string             `pulumi:"arn"`
	DomainValidationOptions []validationOption `pulumi:"domainValidationOptions"`
	Status                  string             `pulumi:"status"`
	SubjectAlternativeNames []string           `pulumi:"subjectAlternativeNames"`
	Type                    string             `pulumi:"type"`
}

type validationOption struct {
	DomainName          string `pulumi:"domainName"`
	ResourceRecordName  string `pulumi:"resourceRecordName"`
	ResourceRecordType  string `pulumi:"resourceRecordType"`
	ResourceRecordValue string `pulumi:"resourceRecordValue"`
}

func certificate() resourceType {
	return define(resourceType{
		token: "aws:acm/certificate:Certificate", kind: Recorded,
		replaceOn: []string{"domainName", "subjectAlternativeNames", "validationMethod", "keyAlgorithm"},
	}, handlers[certificateInputs, certificateOutputs]{
		create: func(m *cloud.Model, in certificateInputs) (string, certificateOutputs, error) {
			if in.ValidationMethod != "DNS" {
				return "", certificateOutputs{}, unsupported("validationMethod", in.ValidationMethod, "DNS")
			}
			made, err := m.ACM.RequestCertificate(in.domains()...)
			return made.ARN, outputsOfCertificate(made), err
		},
		remove: func(m *cloud.Model, id string, _ certificateInputs) error { return m.ACM.DeleteCertificate(id) },
	})
}

// domains returns the names that the certificate is for, each once.
func (in certificateInputs) domains() []string {
	domains := []string{in.DomainName}
	for _, name := range in.SubjectAlternativeNames {
		if name != in.DomainName {
			domains = append(domains, name)
		}
	}
	return domains
}

func outputsOfCertificate(certificate acm.Certificate) certificateOutputs {
	outputs := certificateOutputs{
		ARN: certificate.ARN, DomainValidationOptions: []validationOption{}, Status: "PENDING_VALIDATION",
		SubjectAlternativeNames: certificate.Domains, Type: "AMAZON_ISSUED",
	}
	for _, record := range certificate.Validation() {
		outputs.DomainValidationOptions = append(outputs.DomainValidationOptions, validationOption{
			DomainName: record.Domain, ResourceRecordName: record.Name, ResourceRecordType: "CNAME", ResourceRecordValue: record.Value,
		})
	}
	return outputs
}

func certificateValidation() resourceType {
	return define(resourceType{
		token: "aws:acm/certificateValidation:CertificateValidation", kind: Recorded,
		replaceOn: []string{"certificateArn", "validationRecordFqdns"},
	}, handlers[validationInputs, none]{
		create: func(m *cloud.Model, in validationInputs) (string, none, error) {
			return in.CertificateArn + "/validation", none{}, m.ACM.ValidateCertificate(in.CertificateArn)
		},
	})
}
