package provider

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/elastic-service/elastic-service/emulator/cloud"
)

type zoneInputs struct {
	Name         string            `pulumi:"name"`
	Comment      string            `pulumi:"comment"`
	ForceDestroy bool              `pulumi:"forceDestroy"`
	Tags         map[string]string `pulumi:"tags"`
}

type recordInputs struct {
	ZoneID         string   `pulumi:"zoneId"`
	Name           string   `pulumi:"name"`
	Type           string   `pulumi:"type"`
	TTL            int      `pulumi:"ttl"`
	Records        []string `pulumi:"records"`
	AllowOverwrite bool     `pulumi:"allowOverwrite"`
	Aliases        []struct {
		Name                 string `pulumi:"name"`
		ZoneID               string `pulumi:"zoneId"`
		EvaluateTargetHealth bool   `pulumi:"evaluateTargetHealth"`
	} `pulumi:"aliases"`
}

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

// values are a record's own or what its alias points at; the two exclude each other, and only the first has a TTL.
func (in recordInputs) values() ([]string, error) {
	values := slices.Clone(in.Records)
	for _, alias := range in.Aliases {
		values = append(values, alias.Name)
	}
	switch {
	case len(in.Aliases) > 1 || len(in.Aliases) > 0 && len(in.Records) > 0:
		return nil, fmt.Errorf("\"aliases\": conflicts with records; one alias at most")
	case len(in.Aliases) > 0 && in.TTL != 0:
		return nil, fmt.Errorf("\"ttl\": conflicts with aliases")
	case len(in.Records) > 0 && in.TTL == 0:
		return nil, fmt.Errorf("\"ttl\": required with records")
	}
	return values, nil
}

func (in recordInputs) put(c *cloud.Cloud, overwrite bool) (string, error) {
	values, err := in.values()
	if err != nil {
		return "", err
	}
	return c.CreateRecord(in.ZoneID, in.Name, in.Type, values, overwrite)
}

func zoneOutputs(zone cloud.Zone) map[string]any {
	servers := cloud.NameServers(zone.Name)
	return map[string]any{
		"arn": "arn:aws:route53:::hostedzone/" + zone.ID, "zoneId": zone.ID, "nameServers": list(servers), "primaryNameServer": servers[0],
	}
}

func certificateOutputs(certificate cloud.Certificate) map[string]any {
	options := []any{}
	for _, record := range certificate.Validation() {
		options = append(options, map[string]any{
			"domainName": record.Domain, "resourceRecordName": record.Name, "resourceRecordType": "CNAME", "resourceRecordValue": record.Value,
		})
	}
	return map[string]any{
		"arn": certificate.ARN, "status": "PENDING_VALIDATION", "type": "AMAZON_ISSUED", "domainValidationOptions": options,
		"subjectAlternativeNames": list(certificate.Domains),
	}
}

func init() {
	defineZones()
	define(resourceType{
		token: "aws:acm/certificate:Certificate", kind: Recorded,
		replaceOn: []string{"domainName", "subjectAlternativeNames", "validationMethod", "keyAlgorithm"},
	}, handlers[certificateInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in certificateInputs) (string, map[string]any, error) {
			if in.ValidationMethod != "DNS" {
				return "", nil, unsupported("validationMethod", in.ValidationMethod, "DNS")
			}
			domains := []string{in.DomainName}
			for _, name := range in.SubjectAlternativeNames {
				if name != in.DomainName {
					domains = append(domains, name)
				}
			}
			certificate, err := c.RequestCertificate(domains...)
			return idUnless(err, certificate.ARN), certificateOutputs(certificate), err
		},
		remove: func(_ context.Context, c *cloud.Cloud, id string, _ certificateInputs) error {
			return c.DeleteCertificate(id)
		},
	})
	define(resourceType{
		token: "aws:acm/certificateValidation:CertificateValidation", kind: Recorded,
		replaceOn: []string{"certificateArn", "validationRecordFqdns"},
	}, handlers[validationInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in validationInputs) (string, map[string]any, error) {
			err := c.ValidateCertificate(in.CertificateArn)
			return idUnless(err, in.CertificateArn+"/validation"), nil, err
		},
		remove: func(context.Context, *cloud.Cloud, string, validationInputs) error { return nil },
	})
	invokes["aws:route53/getZone:getZone"] = getZone
}

func defineZones() {
	define(resourceType{token: "aws:route53/zone:Zone", kind: Recorded, replaceOn: []string{"name"}}, handlers[zoneInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in zoneInputs) (string, map[string]any, error) {
			zone, err := c.CreateZone(in.Name)
			return idUnless(err, zone.ID), zoneOutputs(zone), err
		},
		remove: func(_ context.Context, c *cloud.Cloud, id string, in zoneInputs) error {
			return c.DeleteZone(id, in.ForceDestroy)
		},
	})
	define(resourceType{
		token: "aws:route53/record:Record", kind: Recorded, replaceOn: []string{"zoneId", "name"},
	}, handlers[recordInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in recordInputs) (string, map[string]any, error) {
			full, err := in.put(c, in.AllowOverwrite)
			return idUnless(err, in.ZoneID+"_"+full+"_"+in.Type), map[string]any{"fqdn": full}, err
		},
		update: func(_ context.Context, c *cloud.Cloud, id string, old, now recordInputs) (map[string]any, error) {
			if old.Type == now.Type {
				_, err := now.put(c, true)
				return nil, err
			}
			values, err := now.values()
			if err != nil {
				return nil, err
			}
			return nil, c.ReplaceRecord(now.ZoneID, recordName(id, now.ZoneID), old.Type, now.Type, values)
		},
		remove: func(_ context.Context, c *cloud.Cloud, id string, in recordInputs) error {
			return c.DeleteRecord(in.ZoneID, recordName(id, in.ZoneID), in.Type)
		},
	})
}

// recordName is the full name in a record's ID, which ends with the type that the record had at first.
func recordName(id, zone string) string {
	full := strings.TrimPrefix(id, zone+"_")
	return full[:strings.LastIndex(full, "_")]
}

// getZone finds a hosted zone by its name, see [cloud.Cloud.ZoneByName].
func getZone(c *cloud.Cloud, args resource.PropertyMap) (map[string]any, error) {
	in, err := arguments[struct {
		Name        string `pulumi:"name"`
		PrivateZone bool   `pulumi:"privateZone"`
	}](args)
	switch {
	case err != nil:
		return nil, err
	case in.Name == "":
		return nil, fmt.Errorf("the emulator finds hosted zones by their name")
	case in.PrivateZone:
		return nil, fmt.Errorf("the emulator has no private hosted zones")
	}
	zone, err := c.ZoneByName(in.Name)
	if err != nil {
		return nil, err
	}
	result := zoneOutputs(zone)
	result["id"], result["name"], result["privateZone"] = zone.ID, zone.Name, false
	result["comment"], result["callerReference"], result["vpcId"], result["tags"] = "", "", "", map[string]any{}
	result["linkedServiceDescription"], result["linkedServicePrincipal"], result["resourceRecordSetCount"] = "", "", 2
	return result, nil
}
