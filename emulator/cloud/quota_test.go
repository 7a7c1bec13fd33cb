package cloud_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/cloud/rds"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// upTo repeats a call that must succeed up to a quota, and returns what the next one is told.
func upTo(t *testing.T, quota int, call func(n int) error) error {
	t.Helper()
	for n := range quota {
		require.NoError(t, call(n), n)
	}
	return call(quota)
}

// Each case takes a default quota to its end. Quotas of an account that asked for more are not known here.
func quotaRefusals(t *testing.T) refusals[*world] {
	const (
		vpcQuotas   = "VPC User Guide: Amazon VPC quotas"
		groupQuotas = "Auto Scaling User Guide: Quotas for Auto Scaling resources and groups"
	)
	return refusals[*world]{
		"a sixth VPC": {"VpcLimitExceeded", vpcQuotas, func(w *world) error {
			return upTo(t, 4, func(n int) error { _, err := w.VPC.CreateVPC(fmt.Sprintf("10.%d.0.0/16", n)); return err })
		}},
		"a sixth internet gateway": {"InternetGatewayLimitExceeded", vpcQuotas, func(w *world) error {
			return upTo(t, 4, func(int) error { _, err := w.VPC.CreateGateway(""); return err })
		}},
		"the 201st subnet of a VPC": {"SubnetLimitExceeded", vpcQuotas, func(w *world) error {
			vpc := must(w.VPC.CreateVPC("10.0.0.0/16"))(t).ID
			return upTo(t, 200, func(n int) error {
				_, err := w.VPC.CreateSubnet(vpc, fmt.Sprintf("10.0.%d.0/24", n), "us-east-1a", false)
				return err
			})
		}},
		"the 201st route table of a VPC": {"RouteTableLimitExceeded", vpcQuotas, func(w *world) error {
			return upTo(t, 200-len(w.tables), func(int) error { _, err := w.VPC.CreateRouteTable(w.vpc); return err })
		}},
		"the 501st route of a table": {"RouteLimitExceeded", vpcQuotas, func(w *world) error {
			return upTo(t, 500-1, func(n int) error {
				return w.VPC.CreateRoute(w.tables[0], fmt.Sprintf("10.%d.%d.0/24", n/256, n%256), w.gateway)
			})
		}},
		"the 61st rule of a security group": {"RulesPerSecurityGroupLimitExceeded", vpcQuotas, func(w *world) error {
			group := must(w.VPC.CreateSecurityGroup("many", w.vpc))(t).ID
			_, err := w.VPC.CreateRule(vpc.Rule{Group: group, Egress: true, Protocol: "tcp", From: 1, To: 1, CIDR: anywhere})
			require.NoError(t, err, "the other direction counts for itself")
			return upTo(t, 60, func(n int) error {
				_, err := w.VPC.CreateRule(vpc.Rule{Group: group, Protocol: "tcp", From: n, To: n, CIDR: anywhere})
				return err
			})
		}},
		"a sixth security group of a network interface": {"SecurityGroupsPerInterfaceLimitExceeded", vpcQuotas, func(w *world) error {
			data := w.templateData("")
			data.SecurityGroups = nil
			return upTo(t, 5, func(n int) error {
				data.SecurityGroups = append(data.SecurityGroups, must(w.VPC.CreateSecurityGroup("group"+strconv.Itoa(n), w.vpc))(t).ID)
				_, err := w.EC2.CreateLaunchTemplate("template"+strconv.Itoa(n), data)
				return err
			})
		}},
		"the 51st network balancer": {"TooManyLoadBalancers", "ELB User Guide: Quotas for your Network Load Balancers", func(w *world) error {
			return upTo(t, 50-1, func(n int) error {
				_, err := w.ELB.CreateLoadBalancer(elb.LoadBalancerSpec{Name: "lb" + strconv.Itoa(n), Subnets: w.subnets}, w.Now())
				return err
			})
		}},
		"the 51st listener of a balancer": {"TooManyListeners", "ELB User Guide: Quotas for your Network Load Balancers", func(w *world) error {
			return upTo(t, 50-1, func(n int) error {
				_, err := w.ELB.CreateListener(elb.Listener{Balancer: w.balancer, Port: 100 + n, Protocol: "TCP", TargetGroup: w.targets})
				return err
			})
		}},
		"the 51st lifecycle hook of a group": {"LimitExceeded", groupQuotas, func(w *world) error {
			return upTo(t, 50, func(n int) error {
				return w.AutoScaling.PutHook(group, autoscaling.Hook{
					Name: strconv.Itoa(n), Transition: autoscaling.Launching, Timeout: time.Minute, Result: autoscaling.Continue,
				})
			})
		}},
		"the 51st policy of a group": {"LimitExceeded", groupQuotas, func(w *world) error {
			return upTo(t, 50, func(n int) error {
				_, err := w.AutoScaling.PutPolicy(group, autoscaling.Policy{Name: strconv.Itoa(n), Target: 50}, w.Now())
				return err
			})
		}},
		"the 126th scheduled action of a group": {"LimitExceeded", groupQuotas, func(w *world) error {
			return upTo(t, 125, func(n int) error {
				_, err := w.AutoScaling.PutSchedule(group, autoscaling.Schedule{
					Name: strconv.Itoa(n), Recurrence: "0 8 * * *", Min: new(1),
				}, w.Now())
				return err
			})
		}},
		"a 21st step of a policy": {"ValidationError", groupQuotas, func(w *world) error {
			var steps []autoscaling.Step
			return upTo(t, 20, func(n int) error {
				if n > 0 {
					steps[n-1].Upper = new(float64(n))
				}
				steps = append(steps, autoscaling.Step{Lower: new(float64(n)), Adjustment: n + 1})
				_, err := w.AutoScaling.PutPolicy(group, autoscaling.Policy{
					Name: "steps", Type: autoscaling.StepScaling, Adjustment: autoscaling.ChangeInCapacity, Steps: steps,
				}, w.Now())
				return err
			})
		}},
	}
}

func TestQuotasAreKept(t *testing.T) {
	for name, c := range quotaRefusals(t) {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			must(w.AutoScaling.CreateGroup(w.spec(0, 1), w.Now()))(t)
			refused(t, c.code, c.try(w))
		})
	}
}

// Each case changes something that exists into what AWS wouldn't have made.
func changeRefusals(t *testing.T) refusals[*tiered] {
	other := func(w *tiered) (vpc, subnet string) {
		vpc = must(w.VPC.CreateVPC("10.0.0.0/16"))(t).ID
		return vpc, must(w.VPC.CreateSubnet(vpc, "10.0.0.0/24", "us-east-1a", false))(t).ID
	}
	rule := func(change func(*tiered, *vpc.Rule)) func(*tiered) error {
		return func(w *tiered) error {
			changed := vpc.Rule{Group: w.group, Egress: true, Protocol: "tcp", From: 443, To: 443, CIDR: anywhere}
			change(w, &changed)
			return w.VPC.UpdateRule(w.rules["https out"], changed)
		}
	}
	database := func(change func(*tiered, *rds.DatabaseSpec)) func(*tiered) error {
		return func(w *tiered) error {
			w.subnetGroup()
			id := must(w.RDS.CreateDatabase(w.database(), w.Now()))(t).ID
			spec := w.database()
			change(w, &spec)
			return w.RDS.UpdateDatabase(id, spec, rds.Modification{}, w.Now())
		}
	}
	const modifyRule, modifyDatabase = "EC2 API: ModifySecurityGroupRules", "RDS API: ModifyDBInstance"
	return refusals[*tiered]{
		"attaching an internet gateway to a VPC that has one": {"Resource.AlreadyAssociated", "EC2 API: AttachInternetGateway",
			func(w *tiered) error {
				loose := must(w.VPC.CreateGateway(""))(t).ID
				return w.VPC.MoveGateway(loose, w.vpc)
			}},
		"attaching an internet gateway to a VPC that does not exist": {"InvalidVpcID.NotFound", "EC2 API: AttachInternetGateway",
			func(w *tiered) error {
				return w.VPC.MoveGateway(must(w.VPC.CreateGateway(""))(t).ID, "vpc-1")
			}},
		"a route table of another VPC": {"InvalidParameterValue", "EC2 API: ReplaceRouteTableAssociation", func(w *tiered) error {
			vpc, _ := other(w)
			table := must(w.VPC.CreateRouteTable(vpc))(t).ID
			own := must(w.VPC.TableOf(w.private[0]))(t)
			for association := range own.Associations {
				return w.VPC.ReplaceAssociation(association, table)
			}
			return nil
		}},
		"a route table for a subnet of another VPC": {"InvalidParameterValue", "EC2 API: AssociateRouteTable", func(w *tiered) error {
			_, subnet := other(w)
			_, err := w.VPC.Associate(w.tables[w.private[0]], subnet)
			return err
		}},
		"a rule that names a security group of another VPC": {"InvalidGroup.NotFound", "EC2 API: AuthorizeSecurityGroupIngress",
			func(w *tiered) error {
				network, _ := other(w)
				peer := must(w.VPC.CreateSecurityGroup("peer", network))(t).ID
				_, err := w.VPC.CreateRule(vpc.Rule{Group: w.group, Protocol: "tcp", From: 1, To: 1, Peer: peer})
				return err
			}},
		"changing a rule's range into a security group": {"InvalidParameterValue", modifyRule,
			rule(func(w *tiered, r *vpc.Rule) { r.CIDR, r.Peer = "", w.bastionGroup })},
		"moving a rule to another security group": {"InvalidParameterValue", modifyRule, rule(func(w *tiered, r *vpc.Rule) {
			r.Group = w.bastionGroup
		})},
		"a rule whose first port is above its last port": {"InvalidParameterValue", modifyRule, rule(func(_ *tiered, r *vpc.Rule) {
			r.To = 442
		})},
		"a rule that does not exist": {"InvalidSecurityGroupRuleId.NotFound", modifyRule,
			func(w *tiered) error { return w.VPC.UpdateRule("sgr-1", vpc.Rule{}) }},
		"a role's trust policy that is not a policy document": {"MalformedPolicyDocument", "IAM API: UpdateAssumeRolePolicy",
			func(w *tiered) error {
				require.NoError(t, w.IAM.CreateRole("r", trust))
				return w.IAM.UpdateTrust("r", "no json")
			}},
		"an instance profile with a role that does not exist": {"NoSuchEntity", "IAM API: AddRoleToInstanceProfile", func(w *tiered) error {
			require.NoError(t, w.IAM.CreateRole("r", trust))
			require.NoError(t, w.IAM.CreateProfile("p", "r"))
			return w.IAM.UpdateProfile("p", "none")
		}},
		"a role's name with a space": {"ValidationError", "IAM API: CreateRole", func(w *tiered) error {
			return w.IAM.CreateRole("a b", trust)
		}},
		"a profile's name with a slash": {"ValidationError", "IAM API: CreateInstanceProfile", func(w *tiered) error {
			return w.IAM.CreateProfile("a/b", "r")
		}},
		"a template's name with a space": {"InvalidLaunchTemplateName.MalformedException", "EC2 API: CreateLaunchTemplate",
			func(w *tiered) error {
				_, err := w.EC2.CreateLaunchTemplate("a b", ec2.TemplateData{})
				return err
			}},
		"a deregistration delay of more than an hour": {"ValidationError", "ELB API: TargetGroupAttribute", func(w *tiered) error {
			_, err := w.ELB.CreateTargetGroup(elb.TargetGroupSpec{
				Name: "web", Port: 80, Protocol: "TCP", VPC: w.vpc, DeregistrationDelay: 3601 * time.Second, Check: elb.HealthCheck{
					Protocol: "TCP", Port: "traffic-port", Interval: 10 * time.Second, Timeout: 5 * time.Second, Healthy: 3, Unhealthy: 3,
				},
			})
			return err
		}},
		"moving a database to a subnet group of its own VPC": {"InvalidVPCNetworkStateFault", modifyDatabase,
			database(func(w *tiered, s *rds.DatabaseSpec) {
				require.NoError(t, w.RDS.CreateSubnetGroup(rds.SubnetGroup{Name: "other", Subnets: w.private}))
				s.SubnetGroup = "other"
			})},
		"renaming a database to an identifier in use": {"DBInstanceAlreadyExists", modifyDatabase,
			database(func(w *tiered, s *rds.DatabaseSpec) {
				taken := w.database()
				taken.Identifier = "taken"
				must(w.RDS.CreateDatabase(taken, w.Now()))(t)
				s.Identifier = "taken"
			})},
		"a CNAME for a name that has another record": {"InvalidChangeBatch", "Route 53 Developer Guide: CNAME record type",
			func(w *tiered) error {
				zone := must(w.Route53.CreateHostedZone("example.com"))(t).ID
				must(w.Route53.CreateRecord(zone, "www", "CNAME", []string{"example.org"}, false))(t)
				_, err := w.Route53.CreateRecord(zone, "www", "A", []string{"1.2.3.4"}, false)
				return err
			}},
		"changing a record to a CNAME for a name that has others": {"InvalidChangeBatch", "Route 53 API: ChangeResourceRecordSets",
			func(w *tiered) error {
				zone := must(w.Route53.CreateHostedZone("example.com"))(t).ID
				must(w.Route53.CreateRecord(zone, "www", "A", []string{"1.2.3.4"}, false))(t)
				must(w.Route53.CreateRecord(zone, "www", "TXT", []string{"text"}, false))(t)
				return w.Route53.ReplaceRecord(zone, "www.example.com", "A", "CNAME", []string{"example.org"})
			}},
	}
}

func TestWhatCannotBeChangedIsRefused(t *testing.T) {
	for name, c := range changeRefusals(t) {
		t.Run(name, func(t *testing.T) { refused(t, c.code, c.try(newTiered(t))) })
	}
}

func TestWhatAWSChangesInPlaceIsChangedInPlace(t *testing.T) {
	t.Run("a rule", func(t *testing.T) {
		w := newTiered(t)
		require.Nil(t, w.Analyzer.Analyze(w.instance, "s3", 443))
		changed := vpc.Rule{Group: w.group, Egress: true, Protocol: "tcp", From: 80, To: 80, CIDR: anywhere}
		require.NoError(t, w.VPC.UpdateRule(w.rules["https out"], changed))
		assert.Equal(t, "ENI_SG_RULES_MISMATCH", w.Analyzer.Analyze(w.instance, "s3", 443).Code)
		require.NoError(t, w.VPC.DeleteRule(w.rules["https out"]), "it is still the same rule")
	})
	t.Run("a subnet's table", func(t *testing.T) {
		w := newTiered(t)
		for association := range must(w.VPC.TableOf(w.private[0]))(t).Associations {
			require.NoError(t, w.VPC.ReplaceAssociation(association, w.tables[w.islands[0]]))
		}
		assert.Equal(t, "NO_ROUTE_TO_DESTINATION", w.Analyzer.Analyze(w.instance, "s3", 443).Code)
	})
	t.Run("a gateway's network", func(t *testing.T) {
		w := newTiered(t)
		loose := must(w.VPC.CreateGateway(""))(t).ID
		other := must(w.VPC.CreateVPC("10.0.0.0/16"))(t).ID
		require.NoError(t, w.VPC.MoveGateway(loose, other))
		refused(t, "DependencyViolation", w.VPC.DeleteVPC(other))
		require.NoError(t, w.VPC.MoveGateway(loose, ""))
		require.NoError(t, w.VPC.DeleteVPC(other))
	})
	t.Run("what a subnet gives its instances", func(t *testing.T) {
		w := newTiered(t)
		require.NoError(t, w.VPC.UpdateSubnet(w.public[0], false))
		assert.False(t, w.VPC.PublicByDefault(w.public[0]))
	})
	t.Run("a record's type", func(t *testing.T) {
		w := newTiered(t)
		zone := must(w.Route53.CreateHostedZone("example.com"))(t).ID
		must(w.Route53.CreateRecord(zone, "www", "A", []string{"1.2.3.4"}, false))(t)
		require.NoError(t, w.Route53.ReplaceRecord(zone, "www.example.com", "A", "CNAME", []string{"example.org"}))
		_, err := w.Route53.CreateRecord(zone, "www", "CNAME", []string{"example.org"}, false)
		refused(t, "InvalidChangeBatch", err)
		require.NoError(t, w.Route53.DeleteRecord(zone, "www.example.com", "CNAME"))
		require.NoError(t, w.Route53.DeleteHostedZone(zone, false))
	})
	t.Run("a profile's role", func(t *testing.T) {
		w := newTiered(t)
		require.NoError(t, w.IAM.CreateRole("a", trust))
		require.NoError(t, w.IAM.CreateRole("b", trust))
		require.NoError(t, w.IAM.CreateProfile("p", "a"))
		require.NoError(t, w.IAM.UpdateProfile("p", "b"))
		require.NoError(t, w.IAM.DeleteRole("a"))
		refused(t, "DeleteConflict", w.IAM.DeleteRole("b"))
	})
}
