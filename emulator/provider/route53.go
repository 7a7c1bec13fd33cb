package provider

import (
	"fmt"
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/route53"
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

type zoneOutputs struct {
	ARN               string   `pulumi:"arn"`
	NameServers       []string `pulumi:"nameServers"`
	PrimaryNameServer string   `pulumi:"primaryNameServer"`
	ZoneID            string   `pulumi:"zoneId"`
}

func outputsOfZone(zone route53.HostedZone) zoneOutputs {
	servers := route53.NameServers(zone.Name)
	return zoneOutputs{
		ARN: "arn:aws:route53:::hostedzone/" + zone.ID, NameServers: servers, PrimaryNameServer: servers[0], ZoneID: zone.ID,
	}
}

func hostedZone() resourceType {
	return define(resourceType{
		token: "aws:route53/zone:Zone", kind: Recorded, replaceOn: []string{"name"},
	}, handlers[zoneInputs, zoneOutputs]{
		create: func(m *cloud.Model, in zoneInputs) (string, zoneOutputs, error) {
			made, err := m.Route53.CreateHostedZone(in.Name)
			return made.ID, outputsOfZone(made), err
		},
		remove: func(m *cloud.Model, id string, in zoneInputs) error {
			return m.Route53.DeleteHostedZone(id, in.ForceDestroy)
		},
	})
}

type recordOutputs struct {
	FQDN string `pulumi:"fqdn"`
}

func dnsRecord() resourceType {
	return define(resourceType{
		token: "aws:route53/record:Record", kind: Recorded, replaceOn: []string{"zoneId", "name"},
	}, handlers[recordInputs, recordOutputs]{
		create: func(m *cloud.Model, in recordInputs) (string, recordOutputs, error) {
			full, err := in.put(m, in.AllowOverwrite)
			return in.ZoneID + "_" + full + "_" + in.Type, recordOutputs{full}, err
		},
		update: func(m *cloud.Model, id string, old, now recordInputs) (*recordOutputs, error) {
			if old.Type == now.Type {
				_, err := now.put(m, true)
				return nil, err
			}
			values, err := now.values()
			if err != nil {
				return nil, err
			}
			return nil, m.Route53.ReplaceRecord(now.ZoneID, recordName(id, now.ZoneID), old.Type, now.Type, values)
		},
		remove: func(m *cloud.Model, id string, in recordInputs) error {
			return m.Route53.DeleteRecord(in.ZoneID, recordName(id, in.ZoneID), in.Type)
		},
	})
}

// values returns the values of a record, or the name that its alias points at. The two exclude each other, and an alias has
// no TTL of its own.
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

// put creates a record and returns its full name.
func (in recordInputs) put(m *cloud.Model, overwrite bool) (string, error) {
	values, err := in.values()
	if err != nil {
		return "", err
	}
	return m.Route53.CreateRecord(in.ZoneID, in.Name, in.Type, values, overwrite)
}

// recordName returns the full name in a record's ID, which ends with the type that the record had at first.
func recordName(id, zone string) string {
	full := strings.TrimPrefix(id, zone+"_")
	return full[:strings.LastIndex(full, "_")]
}

type getZoneInputs struct {
	Name        string `pulumi:"name"`
	PrivateZone bool   `pulumi:"privateZone"`
}

type getZoneResult struct {
	zoneOutputs

	ID                       string            `pulumi:"id"`
	Name                     string            `pulumi:"name"`
	CallerReference          string            `pulumi:"callerReference"`
	Comment                  string            `pulumi:"comment"`
	LinkedServiceDescription string            `pulumi:"linkedServiceDescription"`
	LinkedServicePrincipal   string            `pulumi:"linkedServicePrincipal"`
	PrivateZone              bool              `pulumi:"privateZone"`
	ResourceRecordSetCount   int               `pulumi:"resourceRecordSetCount"`
	Tags                     map[string]string `pulumi:"tags"`
	VpcID                    string            `pulumi:"vpcId"`
}

// getZone finds a hosted zone by its name, see [route53.Store.HostedZoneByName].
func getZone(m *cloud.Model, in getZoneInputs) (getZoneResult, error) {
	switch {
	case in.Name == "":
		return getZoneResult{}, fmt.Errorf("the emulator finds hosted zones by their name")
	case in.PrivateZone:
		return getZoneResult{}, fmt.Errorf("the emulator has no private hosted zones")
	}
	zone, err := m.Route53.HostedZoneByName(in.Name)
	return getZoneResult{
		zoneOutputs: outputsOfZone(zone), ID: zone.ID, Name: zone.Name, ResourceRecordSetCount: 2, Tags: map[string]string{},
	}, err
}
