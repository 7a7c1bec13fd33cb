package vpc

import (
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// InternetGateway connects a VPC to the internet.
type InternetGateway struct {
	ID  string
	VPC string // empty while detached
}

// CreateGateway creates an internet gateway and attaches it to the VPC, unless the VPC is "".
func (s *Store) CreateGateway(vpc string) (InternetGateway, error) {
	gateway := &InternetGateway{ID: aws.NewID("igw"), VPC: vpc}
	if len(s.InternetGateways) >= maxVPCs {
		return InternetGateway{}, aws.Refuse("InternetGatewayLimitExceeded", "The maximum number of internet gateways has been reached.")
	}
	if err := s.checkAttachment(vpc); err != nil {
		return InternetGateway{}, err
	}
	s.InternetGateways[gateway.ID] = gateway
	return *gateway, nil
}

// DeleteGateway detaches and deletes a gateway. It fails while a public address in the VPC is mapped through the
// gateway: that of an instance, an internet-facing load balancer or a NAT gateway.
func (s *Store) DeleteGateway(id string) error {
	gateway := s.InternetGateways[id]
	if gateway == nil {
		return nil
	}
	if s.mappedAddress(gateway.VPC) != "" {
		return s.addressIsMapped(gateway.VPC)
	}
	delete(s.InternetGateways, id)
	return nil
}

// MoveGateway detaches a gateway and attaches it to another VPC, or to none if the VPC is "".
func (s *Store) MoveGateway(id, vpc string) error {
	gateway := s.InternetGateways[id]
	switch {
	case gateway == nil:
		return aws.NotFound("InvalidInternetGatewayID.NotFound", "internetGateway", id)
	case gateway.VPC == vpc:
		return nil
	case s.mappedAddress(gateway.VPC) != "":
		return s.addressIsMapped(gateway.VPC)
	}
	if err := s.checkAttachment(vpc); err != nil {
		return err
	}
	gateway.VPC = vpc
	return nil
}

// addressIsMapped refuses to detach the gateway of a VPC in which a public address is mapped.
func (s *Store) addressIsMapped(vpc string) error {
	return aws.Refuse("DependencyViolation", "Network %s has some mapped public address(es) (%s). "+
		"Please unmap those public address(es) before detaching the gateway.", vpc, s.mappedAddress(vpc))
}

// checkAttachment refuses a second internet gateway for a VPC.
func (s *Store) checkAttachment(vpc string) error {
	if vpc != "" && s.VPCs[vpc] == nil {
		return aws.NotFound("InvalidVpcID.NotFound", "vpc", vpc)
	}
	if vpc != "" && s.HasGateway(vpc) {
		return aws.Refuse("Resource.AlreadyAssociated", "network %s already has an internet gateway attached", vpc)
	}
	return nil
}

// mappedAddress names the owner of a public address in the VPC, or returns "".
func (s *Store) mappedAddress(vpc string) string {
	return s.ownerWhere(func(n *Interface) bool { return n.Public && s.VPCOf(n.Subnet) == vpc })
}

// HasGateway reports whether an internet gateway is attached to the VPC.
func (s *Store) HasGateway(vpc string) bool {
	for _, gateway := range s.InternetGateways {
		if gateway.VPC == vpc {
			return true
		}
	}
	return false
}
