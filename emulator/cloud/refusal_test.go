package cloud_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jonboulle/clockwork"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/cloud/s3"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// Each case is something that AWS refuses, with the code that it gives.
func stackRefusals(*testing.T) refusals[*world] {
	check := elb.HealthCheck{Protocol: "TCP", Port: "5001", Interval: 10 * time.Second, Timeout: 5 * time.Second, Healthy: 3, Unhealthy: 3}
	targetGroup := func(change func(*elb.TargetGroupSpec)) func(*world) error {
		return func(w *world) error {
			spec := elb.TargetGroupSpec{Name: "other", Port: 80, Protocol: "TCP", VPC: w.vpc, Check: check}
			change(&spec)
			_, err := w.ELB.CreateTargetGroup(spec)
			return err
		}
	}
	balancer := func(change func(*world, *elb.LoadBalancerSpec)) func(*world) error {
		return func(w *world) error {
			spec := elb.LoadBalancerSpec{Name: "other", Subnets: w.subnets}
			change(w, &spec)
			_, err := w.ELB.CreateLoadBalancer(spec, w.Now())
			return err
		}
	}
	scaling := func(change func(*autoscaling.GroupSpec)) func(*world) error {
		return func(w *world) error {
			spec := w.spec(1, 2)
			change(&spec)
			_, err := w.AutoScaling.CreateGroup(spec, w.Now())
			return err
		}
	}
	return refusals[*world]{
		"an object with more than ten tags": {"BadRequest", "S3 User Guide: Categorizing your storage using tags", func(w *world) error {
			require.NoError(w.t, w.S3.CreateBucket("artifacts"))
			tags := map[string]string{}
			for i := range 11 {
				tags[fmt.Sprint(i)] = "x"
			}
			return w.S3.PutObject("artifacts", s3.Object{Key: "k", Tags: tags})
		}},
		"a VPC larger than /16": {"InvalidVpc.Range", "EC2 API: CreateVpc", func(w *world) error {
			_, err := w.VPC.CreateVPC("10.0.0.0/15")
			return err
		}},
		"a VPC smaller than /28": {"InvalidVpc.Range", "EC2 API: CreateVpc", func(w *world) error {
			_, err := w.VPC.CreateVPC("10.0.0.0/29")
			return err
		}},
		"a VPC's range with host bits": {"InvalidParameterValue", "terraform-provider-aws: internal/service/ec2/vpc_.go", func(w *world) error {
			_, err := w.VPC.CreateVPC("10.0.0.1/16")
			return err
		}},
		"a subnet outside its VPC": {"InvalidSubnet.Range", "EC2 API: CreateSubnet", func(w *world) error {
			_, err := w.VPC.CreateSubnet(w.vpc, "10.0.0.0/24", "us-east-1c", false)
			return err
		}},
		"a subnet that overlaps another subnet": {"InvalidSubnet.Conflict", "EC2 API: CreateSubnet", func(w *world) error {
			_, err := w.VPC.CreateSubnet(w.vpc, "192.168.1.128/25", "us-east-1c", false)
			return err
		}},
		"a subnet in a zone the region does not have": {"InvalidParameterValue", "EC2 API: CreateSubnet", func(w *world) error {
			_, err := w.VPC.CreateSubnet(w.vpc, "192.168.1.128/25", "us-east-1z", false)
			return err
		}},
		"a second internet gateway": {"Resource.AlreadyAssociated", "EC2 API: AttachInternetGateway", func(w *world) error {
			_, err := w.VPC.CreateGateway(w.vpc)
			return err
		}},
		"a second route to the same destination": {"RouteAlreadyExists", "EC2 API: CreateRoute", func(w *world) error {
			return w.VPC.CreateRoute(w.tables[0], "0.0.0.0/0", w.gateway)
		}},
		"a security group's name that looks like an ID": {"InvalidParameterValue", "EC2 API: CreateSecurityGroup", func(w *world) error {
			_, err := w.VPC.CreateSecurityGroup("sg-mine", w.vpc)
			return err
		}},
		"a second security group rule with the same content": {"InvalidPermission.Duplicate", "EC2 API: AuthorizeSecurityGroupIngress",
			func(w *world) error {
				_, err := w.VPC.CreateRule(vpc.Rule{Group: w.balancerSG, Protocol: "tcp", From: 5000, To: 5000, CIDR: "0.0.0.0/0"})
				return err
			}},
		"a port over 65535": {"InvalidParameterValue", "EC2 API: AuthorizeSecurityGroupIngress", func(w *world) error {
			_, err := w.VPC.CreateRule(vpc.Rule{Group: w.balancerSG, Protocol: "tcp", From: 1, To: 65536, CIDR: "0.0.0.0/0"})
			return err
		}},
		"a launch from an image that does not exist": {"InvalidAMIID.NotFound", "EC2 API: RunInstances", func(w *world) error {
			data := w.templateData("")
			data.ImageID = "ami-00000000000000000"
			_, err := w.EC2.CreateLaunchTemplate("other", data)
			return err
		}},
		"user data of more than 16384 bytes": {"InvalidParameterValue", "EC2 User Guide: Run commands at launch with user data",
			func(w *world) error {
				_, err := w.EC2.CreateLaunchTemplate("other", w.templateData(strings.Repeat("x", 16385)))
				return err
			}},
		"a second launch template with the same name": {"InvalidLaunchTemplateName.AlreadyExistsException", "EC2 API: CreateLaunchTemplate",
			func(w *world) error {
				_, err := w.EC2.CreateLaunchTemplate("musicguru", w.templateData(""))
				return err
			}},
		"a balancer's name of 33 characters": {"ValidationError", "ELB API: CreateLoadBalancer",
			balancer(func(_ *world, s *elb.LoadBalancerSpec) {
				s.Name = strings.Repeat("a", 33)
			})},
		"a balancer's name that AWS reserves": {"ValidationError", "ELB API: CreateLoadBalancer",
			balancer(func(_ *world, s *elb.LoadBalancerSpec) {
				s.Name = "internal-lb"
			})},
		"a second balancer with the same name": {"DuplicateLoadBalancerName", "ELB API: CreateLoadBalancer",
			balancer(func(_ *world, s *elb.LoadBalancerSpec) {
				s.Name = "musicguru-lb"
			})},
		"a balancer with two subnets of one zone": {"InvalidConfigurationRequest", "ELB API: CreateLoadBalancer",
			balancer(func(w *world, s *elb.LoadBalancerSpec) {
				s.Subnets = []string{w.subnets[0], w.subnets[0]}
			})},
		"a health check's interval under 5 s": {"ValidationError", "ELB API: CreateTargetGroup", targetGroup(func(s *elb.TargetGroupSpec) {
			s.Check.Interval = 4 * time.Second
		})},
		"a health check's interval over 300 s": {"ValidationError", "ELB API: CreateTargetGroup", targetGroup(func(s *elb.TargetGroupSpec) {
			s.Check.Interval = 301 * time.Second
		})},
		"a health check's timeout that is not below its interval": {"ValidationError", "ELB API: CreateTargetGroup",
			targetGroup(func(s *elb.TargetGroupSpec) {
				s.Check.Timeout = 10 * time.Second
			})},
		"a health check's threshold of 1": {"ValidationError", "ELB API: CreateTargetGroup", targetGroup(func(s *elb.TargetGroupSpec) {
			s.Check.Healthy = 1
		})},
		"a health check's threshold of 11": {"ValidationError", "ELB API: CreateTargetGroup", targetGroup(func(s *elb.TargetGroupSpec) {
			s.Check.Unhealthy = 11
		})},
		"a second target group with the same name": {"DuplicateTargetGroupName", "ELB API: CreateTargetGroup",
			targetGroup(func(s *elb.TargetGroupSpec) {
				s.Name = "musicguru-tg"
			})},
		"a second listener on the same port": {"DuplicateListener", "ELB API: CreateListener", func(w *world) error {
			_, err := w.ELB.CreateListener(elb.Listener{Balancer: w.balancer, Port: 5000, Protocol: "TCP", TargetGroup: w.targets})
			return err
		}},
		"a group's minimum above its maximum": {"ValidationError", "Auto Scaling API: CreateAutoScalingGroup",
			scaling(func(s *autoscaling.GroupSpec) {
				s.Min = 3
			})},
		"an instance lifetime below a day": {"ValidationError", "Auto Scaling API: CreateAutoScalingGroup",
			scaling(func(s *autoscaling.GroupSpec) { s.MaxLifetime = time.Hour })},
		"a group without a subnet": {"ValidationError", "Auto Scaling API: CreateAutoScalingGroup", scaling(func(s *autoscaling.GroupSpec) {
			s.Subnets = nil
		})},
		"a version of a launch template that does not exist": {
			"InvalidLaunchTemplateId.VersionNotFound", "Auto Scaling API: LaunchTemplateSpecification",
			scaling(func(s *autoscaling.GroupSpec) {
				s.Version = "7"
			})},
		"a policy of a bucket that does not exist": {"NoSuchBucket", "S3 API: PutBucketPolicy", func(w *world) error {
			return w.S3.PutBucketPolicy("missing", `{"Statement": [{"Effect": "Allow"}]}`)
		}},
		"a bucket's name with capital letters": {"InvalidBucketName", "S3 User Guide: Bucket naming rules", func(w *world) error {
			return w.S3.CreateBucket("Capitals")
		}},
		"a policy document that is not JSON": {"MalformedPolicyDocument", "IAM API: CreateRole", func(w *world) error {
			return w.IAM.CreateRole("r", "no json")
		}},
		"terminating an instance that does not exist": {"InvalidInstanceID.NotFound", "EC2 API: TerminateInstances", func(w *world) error {
			return w.EC2.TerminateInstance("i-1")
		}},
	}
}

func TestWhatAWSRefusesIsRefused(t *testing.T) {
	for name, c := range stackRefusals(t) {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			before := w.Version()
			refused(t, c.code, c.try(w))
			assert.Equal(t, before, w.Version(), "a refusal changes nothing")
		})
	}
}

// Each case deletes too early, as AWS would notice.
func orderRefusals(t *testing.T) refusals[*world] {
	return refusals[*world]{
		"a VPC with subnets": {"DependencyViolation", "EC2 API: DeleteVpc", func(w *world) error {
			return w.VPC.DeleteVPC(w.vpc)
		}},
		"a gateway with mapped public addresses": {"DependencyViolation", "EC2 API: DetachInternetGateway", func(w *world) error {
			return w.VPC.DeleteGateway(w.gateway)
		}},
		"a subnet with an instance": {"DependencyViolation", "EC2 API: DeleteSubnet", func(w *world) error {
			return w.VPC.DeleteSubnet(w.subnets[0])
		}},
		"a route table in use": {"DependencyViolation", "EC2 API: DeleteRouteTable", func(w *world) error {
			return w.VPC.DeleteRouteTable(w.tables[0])
		}},
		"a security group of instances": {"DependencyViolation", "EC2 API: DeleteSecurityGroup", func(w *world) error {
			return w.VPC.DeleteSecurityGroup(w.instanceSG)
		}},
		"a target group that a listener uses": {"ResourceInUse", "ELB API: DeleteTargetGroup", func(w *world) error {
			return w.ELB.DeleteTargetGroup(w.targets)
		}},
		"a bucket with objects": {"BucketNotEmpty", "S3 API: DeleteBucket", func(w *world) error {
			require.NoError(t, w.S3.CreateBucket("artifacts"))
			require.NoError(t, w.S3.PutObject("artifacts", s3.Object{Key: "k"}))
			return w.S3.DeleteBucket("artifacts", false)
		}},
		"a role in a profile": {"DeleteConflict", "IAM API: DeleteRole", func(w *world) error {
			require.NoError(t, w.IAM.CreateRole("r", `{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole"}]}`))
			require.NoError(t, w.IAM.CreateProfile("p", "r"))
			return w.IAM.DeleteRole("r")
		}},
	}
}

func TestDeletingInAWrongOrderFails(t *testing.T) {
	for name, c := range orderRefusals(t) {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.start(2, 3)
			refused(t, c.code, c.try(w))
		})
	}
}

func TestAnUnknownRegionIsRefused(t *testing.T) {
	_, err := cloud.New("mars-north-1", clockwork.NewFakeClock(), func(netip.Addr) bool { return true })
	require.ErrorContains(t, err, "mars-north-1")
}

func TestARoleReadsOnlyWhatItsPolicyNames(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.S3.CreateBucket("artifacts"))
	require.NoError(t, w.S3.PutObject("artifacts", s3.Object{Key: "a", SHA256: "sum"}))
	require.NoError(t, w.S3.PutObject("artifacts", s3.Object{Key: "b"}))
	require.NoError(t, w.IAM.CreateRole("r", `{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole"}]}`))
	require.NoError(t, w.IAM.CreateProfile("p", "r"))
	data := w.templateData("")
	data.Profile = "arn:aws:iam::123456789012:instance-profile/p"
	must(w.EC2.UpdateLaunchTemplate(w.template, data, true))(t)
	spec := w.spec(1, 1)
	spec.Version = "2"
	must(w.AutoScaling.CreateGroup(spec, w.Now()))(t)
	w.step()
	id := w.members()[0].ID
	must(w.VPC.CreateRule(vpc.Rule{Group: w.instanceSG, Egress: true, Protocol: "tcp", From: 443, To: 443, CIDR: "0.0.0.0/0"}))(t)

	_, err := w.EC2.Object(id, "artifacts", "a")
	refused(t, "AccessDenied", err)
	require.NoError(t, w.IAM.PutRolePolicy("r", "read",
		`{"Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":["arn:aws:s3:::artifacts/a"]}]}`))
	object, err := w.EC2.Object(id, "artifacts", "a")
	require.NoError(t, err)
	assert.Equal(t, "sum", object.SHA256)
	_, err = w.EC2.Object(id, "artifacts", "b")
	refused(t, "AccessDenied", err)
}

func TestAddressesThatAWSKeepsAreNotGivenOut(t *testing.T) {
	w := newWorld(t)
	subnet := must(w.VPC.CreateVPC("10.0.0.0/28"))(t)
	small := must(w.VPC.CreateSubnet(subnet.ID, "10.0.0.0/28", "us-east-1a", false))(t)
	spec := w.spec(11, 20)
	spec.Subnets, spec.TargetGroups = []string{small.ID}, nil
	must(w.AutoScaling.CreateGroup(spec, w.Now()))(t)
	w.pass(5 * time.Second)
	require.Len(t, w.members(), 11)
	for _, i := range w.members() {
		last := i.Address.As4()[3]
		assert.True(t, last >= 4 && last <= 14, "%v", i.Address)
	}
	spec.Min = 12
	require.NoError(t, w.AutoScaling.UpdateGroup(spec, false, w.Now()))
	w.pass(5 * time.Second)
	assert.Len(t, w.members(), 11)
	assert.Contains(t, w.AutoScaling.Diagnose(group), "There are not enough free addresses in subnet")
}

func TestVirtualCPUs(t *testing.T) {
	for instanceType, want := range map[string]int{
		"t2.micro": 1, "t2.medium": 2, "t3.micro": 2, "t4g.large": 2, "m6g.medium": 1, "m5.large": 2, "c7gn.xlarge": 4, "m5.24xlarge": 96,
	} {
		assert.Equal(t, want, ec2.VirtualCPUs(instanceType), instanceType)
	}
}
