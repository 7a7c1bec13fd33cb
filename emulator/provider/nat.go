package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
)

type eipInputs struct {
	Domain string            `pulumi:"domain"`
	Tags   map[string]string `pulumi:"tags"`
}

type natInputs struct {
	AllocationID     string            `pulumi:"allocationId"`
	SubnetID         string            `pulumi:"subnetId"`
	ConnectivityType string            `pulumi:"connectivityType"`
	Tags             map[string]string `pulumi:"tags"`
}

const (
	// attachTimeout is how long a NAT gateway is pending before it fails for want of an internet gateway, about: awsx
	// makes both side by side.
	attachTimeout = time.Minute

	// detachTimeout is how long the provider asks for an internet gateway's detachment while public addresses are mapped.
	detachTimeout = 20 * time.Minute
)

// insist tries again while the cloud refuses with a code, for a time of the cloud's clock.
func insist(ctx context.Context, c *cloud.Cloud, timeout time.Duration, code string, try func() error) error {
	deadline := c.Now().Add(timeout)
	for {
		err := try()
		var refusal *cloud.Error
		if !errors.As(err, &refusal) || refusal.Code != code {
			return err
		}
		if !c.Now().Before(deadline) {
			return fmt.Errorf("after %v: %w", timeout, err)
		}
		if waiting := pause(ctx, c); waiting != nil {
			return fmt.Errorf("%w: %w", waiting, err)
		}
	}
}

// target is the one thing that a route leads to.
func (in routeInputs) target() (string, error) {
	switch {
	case in.GatewayID != "" && in.NatGatewayID != "":
		return "", fmt.Errorf("\"gatewayId\": only one of `gatewayId,natGatewayId` can be specified")
	case in.NatGatewayID != "":
		return in.NatGatewayID, nil
	default:
		return in.GatewayID, nil
	}
}

func init() {
	define(resourceType{token: "aws:ec2/eip:Eip", kind: Run, replaceOn: []string{"domain"}}, handlers[eipInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in eipInputs) (string, map[string]any, error) {
			if in.Domain != "" && in.Domain != "vpc" {
				return "", nil, unsupported("domain", in.Domain, "vpc")
			}
			eip, err := c.AllocateAddress()
			return idUnless(err, eip.ID), map[string]any{
				"allocationId": eip.ID, "publicIp": eip.Address.String(), "domain": "vpc",
				"publicDns": "ec2-" + strings.ReplaceAll(eip.Address.String(), ".", "-") + ".compute-1.amazonaws.com",
				"arn":       c.ARN("ec2", "elastic-ip/"+eip.ID),
			}, err
		},
		remove: func(_ context.Context, c *cloud.Cloud, id string, _ eipInputs) error { return c.ReleaseAddress(id) },
	})
	define(resourceType{
		token: "aws:ec2/natGateway:NatGateway", kind: Run, replaceOn: []string{"allocationId", "subnetId", "connectivityType"},
	}, handlers[natInputs]{
		create: func(ctx context.Context, c *cloud.Cloud, in natInputs) (string, map[string]any, error) {
			if in.ConnectivityType != "" && in.ConnectivityType != "public" {
				return "", nil, unsupported("connectivityType", in.ConnectivityType, "public")
			}
			var nat cloud.NATGateway
			err := insist(ctx, c, attachTimeout, "Gateway.NotAttached", func() (err error) {
				nat, err = c.CreateNAT(in.SubnetID, in.AllocationID)
				return err
			})
			if err != nil {
				return "", nil, err
			}
			return nat.ID, map[string]any{
				"privateIp": nat.Address.String(), "publicIp": c.PublicAddress(nat).String(), "connectivityType": "public",
				"networkInterfaceId": "eni-" + strings.TrimPrefix(nat.ID, "nat-"), "associationId": "eipassoc-" + strings.TrimPrefix(nat.ID, "nat-"),
			}, nil
		},
		remove: func(_ context.Context, c *cloud.Cloud, id string, _ natInputs) error { return c.DeleteNAT(id) },
	})
}
