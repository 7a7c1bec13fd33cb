package controller

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/s3"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
	"github.com/elastic-service/elastic-service/emulator/runtime"
)

// Object opens an object with the permissions of an instance.
func (c *Controller) Object(instance, bucket, key string) (io.ReadCloser, error) {
	object, err := cloud.Find(c.cloud, func(m *cloud.Model) (s3.Object, error) { return m.EC2.Object(instance, bucket, key) })
	if refused, ok := errors.AsType[*aws.Error](err); ok && refused.Code == "NoSuchKey" {
		return nil, fmt.Errorf("%w: %w", err, fs.ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	return os.Open(object.Source)
}

// NetworkOf returns the VPC of a subnet.
func (c *Controller) NetworkOf(subnet string) runtime.Network {
	vpc, subnets := cloud.Find(c.cloud, func(m *cloud.Model) (vpc.VPC, []vpc.Subnet) { return m.VPC.NetworkOf(subnet) })
	network := runtime.Network{ID: vpc.ID, CIDR: vpc.CIDR}
	for _, s := range subnets {
		network.Subnets = append(network.Subnets, runtime.Subnet{CIDR: s.CIDR, Zone: s.Zone})
	}
	return network
}

// HasNetwork reports whether a VPC exists.
func (c *Controller) HasNetwork(id string) bool {
	return cloud.Get(c.cloud, func(m *cloud.Model) bool {
		_, found := m.VPC.VPC(id)
		return found
	})
}
