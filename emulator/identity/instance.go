package identity

import (
	"encoding/json"
	"net/netip"
	"time"
)

// Instance is what the metadata service tells an instance of itself.
type Instance struct {
	ID, Type, ImageID string
	Hostname          string
	Address           netip.Addr // private
	MAC               string
	Digest            string // of which the IDs of its parts are made
	Zone, Region      string
	Subnet, VPCRange  netip.Prefix
	VPC               string
	Started           time.Time
	UserData          []byte

	Role        string // "" without one
	Credentials Credentials
}

// account is the ID of the account in AWS's documentation.
const account = "123456789012"

// Tree returns the metadata by path.
func (i Instance) Tree() map[string]string {
	address := i.Address.String()
	tree := map[string]string{
		"dynamic/instance-identity/document":    i.document(),
		"meta-data/ami-id":                      i.ImageID,
		"meta-data/ami-launch-index":            "0",
		"meta-data/hostname":                    i.Hostname,
		"meta-data/instance-action":             "none",
		"meta-data/instance-id":                 i.ID,
		"meta-data/instance-life-cycle":         "on-demand",
		"meta-data/instance-type":               i.Type,
		"meta-data/local-hostname":              i.Hostname,
		"meta-data/local-ipv4":                  address,
		"meta-data/mac":                         i.MAC,
		"meta-data/placement/availability-zone": i.Zone,
		"meta-data/placement/region":            i.Region,
		"meta-data/reservation-id":              "r-" + i.Digest,
		"meta-data/security-groups":             "default",
		"meta-data/services/domain":             "amazonaws.com",
		"meta-data/services/partition":          "aws",
	}
	for name, value := range map[string]string{
		"device-number": "0", "interface-id": "eni-" + i.Digest, "local-hostname": i.Hostname, "local-ipv4s": address,
		"mac": i.MAC, "owner-id": account, "security-groups": "default", "subnet-id": "subnet-" + i.Digest,
		"subnet-ipv4-cidr-block": i.Subnet.String(), "vpc-id": i.VPC, "vpc-ipv4-cidr-block": i.VPCRange.String(),
	} {
		tree["meta-data/network/interfaces/macs/"+i.MAC+"/"+name] = value
	}
	if len(i.UserData) > 0 {
		tree["user-data"] = string(i.UserData)
	}
	if i.Role != "" {
		tree["meta-data/iam/security-credentials/"+i.Role] = i.Credentials.OfInstance()
	}
	return tree
}

func (i Instance) document() string {
	return document(map[string]any{
		"accountId": account, "architecture": "x86_64", "availabilityZone": i.Zone, "imageId": i.ImageID,
		"instanceId": i.ID, "instanceType": i.Type, "pendingTime": i.Started.Format(time.RFC3339),
		"privateIp": i.Address.String(), "region": i.Region, "version": "2017-09-30",
	})
}

func document(fields map[string]any) string {
	text, err := json.MarshalIndent(fields, "", "  ")
	if err != nil {
		panic("identity: encoding text: " + err.Error())
	}
	return string(text)
}
