package cloud_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/cloudwatch"
	"github.com/elastic-service/elastic-service/emulator/cloud/events"
	"github.com/elastic-service/elastic-service/emulator/cloud/rds"
	"github.com/elastic-service/elastic-service/emulator/cloud/route53"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

func (w *tiered) database() rds.DatabaseSpec {
	return rds.DatabaseSpec{
		Identifier: "swiftcode-db", Engine: "postgres", Version: "17", Class: "db.t4g.micro", StorageGiB: 20, Name: "swiftcode",
		Username: "swiftcode", ManagedPassword: true, SubnetGroup: "db", Groups: []string{w.group}, BackupDays: 7,
	}
}

func (w *tiered) subnetGroup() {
	require.NoError(w.t, w.RDS.CreateSubnetGroup(rds.SubnetGroup{Name: "db", Subnets: w.islands}))
}

// Each case is something that AWS refuses, with the code that it gives.
func recordedRefusals(*testing.T) refusals[*tiered] {
	database := func(change func(*tiered, *rds.DatabaseSpec)) func(*tiered) error {
		return func(w *tiered) error {
			w.subnetGroup()
			spec := w.database()
			change(w, &spec)
			_, err := w.RDS.CreateDatabase(spec, w.Now())
			return err
		}
	}
	changed := func(how rds.Modification, change func(*tiered, *rds.DatabaseSpec)) func(*tiered) error {
		return func(w *tiered) error {
			w.subnetGroup()
			spec := w.database()
			made := must(w.RDS.CreateDatabase(spec, w.Now()))(w.t)
			change(w, &spec)
			return w.RDS.UpdateDatabase(made.ID, spec, how, w.Now())
		}
	}
	subnets := func(group func(*tiered) rds.SubnetGroup) func(*tiered) error {
		return func(w *tiered) error { return w.RDS.CreateSubnetGroup(group(w)) }
	}
	subscribe := func(protocol, endpoint string) func(*tiered) error {
		return func(w *tiered) error {
			_, err := w.Events.Subscribe(must(w.Events.CreateTopic("alarms"))(w.t).ARN, events.Subscription{Protocol: protocol, Endpoint: endpoint})
			return err
		}
	}
	dashboard := func(body string) func(*tiered) error {
		return func(*tiered) error { return cloudwatch.CheckDashboard(body) }
	}
	record := func(name, kind string, values ...string) func(*tiered) error {
		return func(w *tiered) error {
			zone := must(w.Route53.CreateHostedZone("example.com"))(w.t)
			must(w.Route53.CreateRecord(zone.ID, "www", "A", []string{"1.2.3.4"}, false))(w.t)
			_, err := w.Route53.CreateRecord(zone.ID, name, kind, values, false)
			return err
		}
	}
	return refusals[*tiered]{
		"a subnet group in one zone": {"DBSubnetGroupDoesNotCoverEnoughAZs", "RDS API: CreateDBSubnetGroup",
			subnets(func(w *tiered) rds.SubnetGroup {
				return rds.SubnetGroup{Name: "db", Subnets: []string{w.islands[0], w.private[0]}}
			})},
		"a subnet group's name with capital letters": {"InvalidParameterValue", "RDS API: CreateDBSubnetGroup",
			subnets(func(w *tiered) rds.SubnetGroup {
				return rds.SubnetGroup{Name: "DB", Subnets: w.islands}
			})},
		"a subnet group with a subnet that does not exist": {"InvalidSubnet", "RDS API: CreateDBSubnetGroup",
			subnets(func(*tiered) rds.SubnetGroup {
				return rds.SubnetGroup{Name: "db", Subnets: []string{"subnet-1"}}
			})},
		"a second subnet group with the same name": {"DBSubnetGroupAlreadyExists", "RDS API: CreateDBSubnetGroup", func(w *tiered) error {
			w.subnetGroup()
			return w.RDS.CreateSubnetGroup(rds.SubnetGroup{Name: "db", Subnets: w.islands})
		}},
		"a database's identifier with two hyphens in a row": {"InvalidParameterValue", "RDS API: CreateDBInstance",
			database(func(_ *tiered, s *rds.DatabaseSpec) {
				s.Identifier = "a--b"
			})},
		"a database's identifier that ends with a hyphen": {"InvalidParameterValue", "RDS API: CreateDBInstance",
			database(func(_ *tiered, s *rds.DatabaseSpec) {
				s.Identifier = "a-"
			})},
		"a database engine that RDS does not have": {"InvalidParameterValue", "RDS API: CreateDBInstance",
			database(func(_ *tiered, s *rds.DatabaseSpec) {
				s.Engine = "mongo"
			})},
		"a version of the engine that RDS does not have": {"InvalidParameterCombination", "RDS API: CreateDBInstance",
			database(func(_ *tiered, s *rds.DatabaseSpec) {
				s.Version = "7"
			})},
		"a database with an instance type of EC2": {"InvalidParameterValue", "RDS API: CreateDBInstance",
			database(func(_ *tiered, s *rds.DatabaseSpec) {
				s.Class = "t4g.micro"
			})},
		"a database's storage of 19 GiB": {"InvalidParameterValue", "RDS API: CreateDBInstance", database(func(_ *tiered, s *rds.DatabaseSpec) {
			s.StorageGiB = 19
		})},
		"backups that are kept for 36 days": {"InvalidParameterValue", "RDS API: CreateDBInstance",
			database(func(_ *tiered, s *rds.DatabaseSpec) {
				s.BackupDays = 36
			})},
		"a database's user name that the engine reserves": {"InvalidParameterValue", "RDS API: CreateDBInstance",
			database(func(_ *tiered, s *rds.DatabaseSpec) {
				s.Username = "admin"
			})},
		"a user name too long for MySQL": {"InvalidParameterValue", "RDS API: CreateDBInstance", database(func(_ *tiered, s *rds.DatabaseSpec) {
			s.Engine, s.Version, s.Username = "mysql", "8.4", "abcdefghijklmnopq"
		})},
		"a database's name with a hyphen": {"InvalidParameterValue", "RDS API: CreateDBInstance", database(func(_ *tiered, s *rds.DatabaseSpec) {
			s.Name = "a-b"
		})},
		"a database without a password": {"InvalidParameterValue", "RDS API: CreateDBInstance", database(func(_ *tiered, s *rds.DatabaseSpec) {
			s.ManagedPassword = false
		})},
		"a database with both a password and a managed password": {"InvalidParameterCombination", "RDS API: CreateDBInstance",
			database(func(_ *tiered, s *rds.DatabaseSpec) {
				s.Password = "given"
			})},
		"a database in a subnet group that does not exist": {"DBSubnetGroupNotFoundFault", "RDS API: CreateDBInstance",
			database(func(_ *tiered, s *rds.DatabaseSpec) {
				s.SubnetGroup = ""
			})},
		"a database with a security group that does not exist": {"InvalidParameterValue", "RDS API: CreateDBInstance",
			database(func(_ *tiered, s *rds.DatabaseSpec) {
				s.Groups = []string{"sg-1"}
			})},
		"a database with a security group of another VPC": {"InvalidVPCNetworkStateFault", "RDS API: CreateDBInstance",
			database(func(w *tiered, s *rds.DatabaseSpec) {
				other := must(w.VPC.CreateVPC("10.0.0.0/16"))(w.t).ID
				s.Groups = []string{must(w.VPC.CreateSecurityGroup("other", other))(w.t).ID}
			})},
		"a second database with the same identifier": {"DBInstanceAlreadyExists", "RDS API: CreateDBInstance", func(w *tiered) error {
			w.subnetGroup()
			must(w.RDS.CreateDatabase(w.database(), w.Now()))(w.t)
			_, err := w.RDS.CreateDatabase(w.database(), w.Now())
			return err
		}},
		"less storage for a database than it has": {"InvalidParameterCombination", "RDS API: ModifyDBInstance", func(w *tiered) error {
			w.subnetGroup()
			spec := w.database()
			spec.StorageGiB = 30
			made := must(w.RDS.CreateDatabase(spec, w.Now()))(w.t)
			return w.RDS.UpdateDatabase(made.ID, w.database(), rds.Modification{}, w.Now())
		}},
		"a database with a parameter group that does not exist": {"DBParameterGroupNotFound", "RDS API: CreateDBInstance",
			database(func(_ *tiered, s *rds.DatabaseSpec) {
				s.ParameterGroup = "none"
			})},
		"a database with a parameter group of another version": {"InvalidParameterCombination", "RDS API: CreateDBInstance",
			database(func(w *tiered, s *rds.DatabaseSpec) {
				require.NoError(w.t, w.RDS.CreateParameterGroup(rds.ParameterGroup{Name: "mine", Family: "postgres16"}))
				s.ParameterGroup = "mine"
			})},
		"a second parameter group with the same name": {"DBParameterGroupAlreadyExists", "RDS API: CreateDBParameterGroup",
			func(w *tiered) error {
				require.NoError(w.t, w.RDS.CreateParameterGroup(rds.ParameterGroup{Name: "mine", Family: "postgres16"}))
				return w.RDS.CreateParameterGroup(rds.ParameterGroup{Name: "mine", Family: "postgres17"})
			}},
		"a version past its support, without Extended Support": {"InvalidParameterCombination", "RDS API: CreateDBInstance",
			database(func(w *tiered, s *rds.DatabaseSpec) {
				w.clock.Advance(365 * 24 * time.Hour) // to 2027
				s.Version = "13"
			})},
		"a version of MariaDB past its support": {"InvalidParameterCombination", "RDS for MariaDB: Release calendar",
			database(func(w *tiered, s *rds.DatabaseSpec) {
				w.clock.Advance(365 * 24 * time.Hour)
				s.Engine, s.Version, s.ExtendedSupport = "mariadb", "10.6", true
			})},
		"storage that may grow by less than a tenth": {"InvalidParameterCombination", "RDS API: CreateDBInstance",
			database(func(_ *tiered, s *rds.DatabaseSpec) {
				s.MaxStorageGiB = 21
			})},
		"another major version that is not allowed": {"InvalidParameterCombination", "RDS API: ModifyDBInstance",
			changed(rds.Modification{Immediately: true}, func(_ *tiered, s *rds.DatabaseSpec) { s.Version = "18" })},
		"an older major version": {"InvalidParameterCombination", "RDS API: ModifyDBInstance",
			changed(rds.Modification{Immediately: true, AllowMajor: true}, func(_ *tiered, s *rds.DatabaseSpec) { s.Version = "16" })},
		"an older minor version": {"InvalidParameterCombination", "RDS API: ModifyDBInstance",
			changed(rds.Modification{Immediately: true}, func(_ *tiered, s *rds.DatabaseSpec) { s.Version = "17.4" })},
		"a version to upgrade to that RDS does not have": {"InvalidParameterCombination", "RDS API: ModifyDBInstance",
			changed(rds.Modification{AllowMajor: true}, func(_ *tiered, s *rds.DatabaseSpec) { s.Version = "99" })},
		"another major version with the parameter group of the old one": {"InvalidParameterCombination", "RDS API: ModifyDBInstance",
			changed(rds.Modification{AllowMajor: true}, func(w *tiered, s *rds.DatabaseSpec) {
				require.NoError(w.t, w.RDS.CreateParameterGroup(rds.ParameterGroup{Name: "mine", Family: "postgres17"}))
				s.Version, s.ParameterGroup = "18", "mine"
			})},
		"storage that grows by less than a tenth": {"InvalidParameterCombination", "RDS API: ModifyDBInstance",
			changed(rds.Modification{Immediately: true}, func(_ *tiered, s *rds.DatabaseSpec) { s.StorageGiB = 21 })},
		"storage that grows twice within 6 hours": {"InvalidParameterCombination", "RDS User Guide: Working with storage",
			changed(rds.Modification{Immediately: true}, func(w *tiered, s *rds.DatabaseSpec) {
				s.StorageGiB = 30
				require.NoError(w.t, w.RDS.UpdateDatabase(aws.Keys(w.RDS.Databases)[0], *s, rds.Modification{Immediately: true}, w.Now()))
				w.clock.Advance(5 * time.Hour)
				s.StorageGiB = 40
			})},
		"a final snapshot whose name is taken": {"DBSnapshotAlreadyExists", "RDS API: DeleteDBInstance", func(w *tiered) error {
			w.subnetGroup()
			require.NoError(w.t, w.RDS.DeleteDatabase(must(w.RDS.CreateDatabase(w.database(), w.Now()))(w.t).ID, "final", w.Now()))
			return w.RDS.DeleteDatabase(must(w.RDS.CreateDatabase(w.database(), w.Now()))(w.t).ID, "final", w.Now())
		}},
		"a failover of a database without a standby": {"InvalidParameterCombination", "RDS API: RebootDBInstance", func(w *tiered) error {
			w.subnetGroup()
			made := must(w.RDS.CreateDatabase(w.database(), w.Now()))(w.t)
			_, err := w.RDS.Reboot(made.Spec.Identifier, true, w.Now())
			return err
		}},
		"a restart of a database that is being restarted": {"InvalidDBInstanceState", "RDS API: RebootDBInstance", func(w *tiered) error {
			w.subnetGroup()
			made := must(w.RDS.CreateDatabase(w.database(), w.Now()))(w.t)
			must(w.RDS.Reboot(made.Spec.Identifier, false, w.Now()))(w.t)
			_, err := w.RDS.Reboot(made.Spec.Identifier, false, w.Now())
			return err
		}},
		"a database from a snapshot that does not exist": {"DBSnapshotNotFound", "RDS API: RestoreDBInstanceFromDBSnapshot",
			func(w *tiered) error {
				_, err := w.RDS.Restore("none", rds.Restoration{Identifier: "copy"}, w.Now())
				return err
			}},
		"the deletion of a snapshot that does not exist": {"DBSnapshotNotFound", "RDS API: DeleteDBSnapshot", func(w *tiered) error {
			_, err := w.RDS.DeleteSnapshot("none")
			return err
		}},
		"a new password of a database whose password RDS does not manage": {"InvalidParameterCombination", "RDS API: ModifyDBInstance",
			func(w *tiered) error {
				w.subnetGroup()
				spec := w.database()
				spec.ManagedPassword, spec.Password = false, "given"
				return w.RDS.RotatePassword(must(w.RDS.CreateDatabase(spec, w.Now()))(w.t).ID, w.Now())
			}},
		"a database in a zone without a subnet of its group": {"InvalidVPCNetworkStateFault", "RDS API: CreateDBInstance",
			database(func(_ *tiered, s *rds.DatabaseSpec) { s.Zone = "us-east-1f" })},
		"a subnet group without the subnet of a database": {"SubnetAlreadyInUse", "RDS API: ModifyDBSubnetGroup", func(w *tiered) error {
			w.subnetGroup()
			must(w.RDS.CreateDatabase(w.database(), w.Now()))(w.t)
			return w.RDS.UpdateSubnetGroup(rds.SubnetGroup{Name: "db", Subnets: []string{w.islands[1], w.private[0]}})
		}},
		"a topic's name with a dot": {"InvalidParameter", "SNS API: CreateTopic", func(w *tiered) error {
			_, err := w.Events.CreateTopic("a.b")
			return err
		}},
		"a subscription to a topic that does not exist": {"NotFound", "SNS API: Subscribe", func(w *tiered) error {
			_, err := w.Events.Subscribe("arn", events.Subscription{})
			return err
		}},
		"a protocol that SNS does not have": {"InvalidParameter", "SNS API: Subscribe", subscribe("pigeon", "home")},
		"a subscription's email address that is not an address": {"InvalidParameter", "SNS API: Subscribe",
			subscribe("email", "Ops <ops@example.com>")},
		"a phone number without a country code": {"InvalidParameter", "SNS API: Subscribe", subscribe("sms", "0123456")},
		"an HTTPS subscription with an http:// URL": {"InvalidParameter", "SNS API: Subscribe",
			subscribe("https", "http://example.com")},
		"a queue that is not named by its ARN": {"InvalidParameter", "SNS API: Subscribe", subscribe("sqs", "queue")},
		"a log group's name with a space": {"InvalidParameterException", "CloudWatch Logs API: CreateLogGroup", func(w *tiered) error {
			return w.CloudWatch.CreateLogGroup(cloudwatch.LogGroup{Name: "a b"})
		}},
		"a log group's retention of 31 days": {"InvalidParameterException", "CloudWatch Logs API: PutRetentionPolicy", func(w *tiered) error {
			return w.CloudWatch.CreateLogGroup(cloudwatch.LogGroup{Name: "a", RetentionDays: 31})
		}},
		"a second log group with the same name": {"ResourceAlreadyExistsException", "CloudWatch Logs API: CreateLogGroup", func(w *tiered) error {
			require.NoError(w.t, w.CloudWatch.CreateLogGroup(cloudwatch.LogGroup{Name: "a"}))
			return w.CloudWatch.CreateLogGroup(cloudwatch.LogGroup{Name: "a"})
		}},
		"a stream of a log group that does not exist": {"ResourceNotFoundException", "CloudWatch Logs API: CreateLogStream",
			func(w *tiered) error { return w.CloudWatch.CreateLogStream("none", "a", w.Now()) }},
		"a log stream's name with a colon":            {"InvalidParameterException", "CloudWatch Logs API: CreateLogStream", logStream("a:b")},
		"a second log stream with the same name":      {"ResourceAlreadyExistsException", "CloudWatch Logs API: CreateLogStream", logStream("a")},
		"events for a log stream that does not exist": {"ResourceNotFoundException", "CloudWatch Logs API: PutLogEvents", logEvents("none", "a")},
		"a batch without events":                      {"InvalidParameterException", "CloudWatch Logs API: PutLogEvents", logEvents("a")},
		"an event without a message":                  {"InvalidParameterException", "CloudWatch Logs API: PutLogEvents", logEvents("a", "")},
		"a batch of more than 10,000 events": {"InvalidParameterException", "CloudWatch Logs API: PutLogEvents",
			logEvents("a", slices.Repeat([]string{"a"}, 10001)...)},
		"a batch of more than a megabyte": {"InvalidParameterException", "CloudWatch Logs API: PutLogEvents",
			logEvents("a", strings.Repeat("a", 1<<20-25))},
		"events that are not in the order of their times": {"InvalidParameterException", "CloudWatch Logs API: PutLogEvents",
			func(w *tiered) error { return putLogs(w, "a", w.Now(), w.Now().Add(-time.Second)) }},
		"a batch over more than 24 hours": {"InvalidParameterException", "CloudWatch Logs API: PutLogEvents",
			func(w *tiered) error { return putLogs(w, "a", w.Now().Add(-25*time.Hour), w.Now()) }},
		"a flow log to a log group that does not exist": {"InvalidParameter", "CloudWatch Logs API: CreateLogGroup", func(w *tiered) error {
			_, err := w.CloudWatch.CreateFlowLog(w.vpc, "", "a", "r")
			return err
		}},
		"a flow log of a VPC that does not exist": {"InvalidVpcId.NotFound", "EC2 API: CreateFlowLogs", func(w *tiered) error {
			_, err := w.CloudWatch.CreateFlowLog("vpc-1", "", "a", "r")
			return err
		}},
		"a dashboard that is not JSON": {"InvalidParameterInput", "CloudWatch API: PutDashboard", dashboard("widgets")},
		"a dashboard's widget without a type": {"InvalidParameterInput", "CloudWatch API: Dashboard Body Structure and Syntax",
			dashboard(`{"widgets":[{"type":"chart","properties":{}}]}`)},
		"a dashboard's widget beyond its 24 columns": {"InvalidParameterInput", "CloudWatch API: Dashboard Body Structure and Syntax",
			dashboard(`{"widgets":[{"type":"text","x":12,"width":13,"properties":{}}]}`)},
		"a dashboard's widget without properties": {"InvalidParameterInput", "CloudWatch API: Dashboard Body Structure and Syntax",
			dashboard(`{"widgets":[{"type":"text"}]}`)},
		"a hosted zone's name with a single label": {"InvalidDomainName", "Route 53 API: CreateHostedZone", func(w *tiered) error {
			_, err := w.Route53.CreateHostedZone("localhost")
			return err
		}},
		"a record in a hosted zone that does not exist": {"NoSuchHostedZone", "Route 53 API: ChangeResourceRecordSets", func(w *tiered) error {
			_, err := w.Route53.CreateRecord("Z1", "www.example.com", "A", []string{"1.2.3.4"}, true)
			return err
		}},
		"a second record with the same name and type": {"InvalidChangeBatch", "Route 53 API: ChangeResourceRecordSets",
			record("www.example.com.", "A", "1.2.3.4")},
		"a CNAME for the name of the zone": {"InvalidChangeBatch", "Route 53 API: ChangeResourceRecordSets",
			record("example.com", "CNAME", "other.example.com")},
		"a record without a value": {"InvalidInput", "Route 53 API: ChangeResourceRecordSets", record("mail", "A")},
		"deleting a hosted zone with records": {"HostedZoneNotEmpty", "Route 53 API: DeleteHostedZone", func(w *tiered) error {
			zone := must(w.Route53.CreateHostedZone("example.com"))(w.t)
			must(w.Route53.CreateRecord(zone.ID, "", "A", []string{"1.2.3.4"}, false))(w.t)
			return w.Route53.DeleteHostedZone(zone.ID, false)
		}},
		"a certificate for a name that is not a domain": {"InvalidDomainValidationOptionsException", "ACM API: RequestCertificate",
			func(w *tiered) error {
				_, err := w.ACM.RequestCertificate("*")
				return err
			}},
		"waiting for a certificate that does not exist": {"ResourceNotFoundException", "ACM API: DescribeCertificate", func(w *tiered) error {
			return w.ACM.ValidateCertificate("arn")
		}},
		"waiting for a certificate whose validation record is missing": {
			"PENDING_VALIDATION", "terraform-provider-aws: internal/service/acm/certificate_validation.go",
			func(w *tiered) error {
				return w.ACM.ValidateCertificate(must(w.ACM.RequestCertificate("www.example.com"))(w.t).ARN)
			}},
	}
}

func TestWhatAWSRefusesOfRecordedResourcesIsRefused(t *testing.T) {
	for name, c := range recordedRefusals(t) {
		t.Run(name, func(t *testing.T) { refused(t, c.code, c.try(newTiered(t))) })
	}
}

func TestADatabaseHoldsItsPlaceUntilItIsDeleted(t *testing.T) {
	w := newTiered(t)
	w.subnetGroup()
	spec := w.database()
	spec.Protected = true
	made := must(w.RDS.CreateDatabase(spec, w.Now()))(t)
	assert.Equal(t, "swiftcode-db.c9akciq32rgh.us-east-1.rds.amazonaws.com", w.RDS.DatabaseAddress(spec))

	refused(t, "InvalidDBSubnetGroupStateFault", w.RDS.DeleteSubnetGroup("db"))
	refused(t, "DependencyViolation", w.VPC.DeleteSubnet(w.islands[1]))
	w.EC2.InstanceEnded(w.instance, "", w.Now())
	require.NoError(t, w.VPC.DeleteRule(w.rules["ssh out"]))
	refused(t, "DependencyViolation", w.VPC.DeleteSecurityGroup(w.group))
	refused(t, "InvalidParameterCombination", w.RDS.DeleteDatabase(made.ID, "final", w.Now()))

	spec.Protected = false
	require.NoError(t, w.RDS.UpdateDatabase(made.ID, spec, rds.Modification{}, w.Now()))
	require.NoError(t, w.RDS.DeleteDatabase(made.ID, "final", w.Now()))
	require.NoError(t, w.RDS.DeleteSubnetGroup("db"))
	require.NoError(t, w.VPC.DeleteSubnet(w.islands[1]))
	require.NoError(t, w.VPC.DeleteSecurityGroup(w.group))
}

func TestChangesThatInterruptWaitForTheMaintenanceWindowUnlessTheyAreToBeMadeAtOnce(t *testing.T) {
	w := newTiered(t)
	w.subnetGroup()
	spec := w.database()
	id := must(w.RDS.CreateDatabase(spec, w.Now()))(t).ID
	database := w.RDS.Databases[id]
	bigger := spec
	bigger.Class, bigger.StorageGiB, bigger.MultiAZ, bigger.BackupDays = "db.t4g.small", 40, true, 0

	require.NoError(t, w.RDS.UpdateDatabase(id, bigger, rds.Modification{}, w.Now())) // a Thursday
	assert.Equal(t, spec, database.Spec)
	w.clock.Advance(75 * time.Hour) // Sunday, 03:00
	assert.False(t, w.RDS.Reconcile(w.Now()))
	w.clock.Advance(time.Hour)
	assert.True(t, w.RDS.Reconcile(w.Now()))
	assert.Equal(t, bigger, database.Spec)
	assert.False(t, w.RDS.Reconcile(w.Now()))

	back := spec
	back.StorageGiB = 40
	require.NoError(t, w.RDS.UpdateDatabase(id, back, rds.Modification{Immediately: true}, w.Now()))
	assert.Equal(t, back, database.Spec)
}

func TestWhatWaitsIsForgottenWhenItIsTakenBack(t *testing.T) {
	w := newTiered(t)
	w.subnetGroup()
	spec := w.database()
	id := must(w.RDS.CreateDatabase(spec, w.Now()))(t).ID
	other := spec
	other.Class, other.BackupDays = "db.t4g.small", 14
	require.NoError(t, w.RDS.UpdateDatabase(id, other, rds.Modification{}, w.Now()))
	assert.Equal(t, 14, w.RDS.Databases[id].Spec.BackupDays, "backups that go on are kept longer at once")
	require.NoError(t, w.RDS.UpdateDatabase(id, spec, rds.Modification{}, w.Now()))
	w.clock.Advance(8 * 24 * time.Hour)
	assert.False(t, w.RDS.Reconcile(w.Now()))
	assert.Equal(t, spec, w.RDS.Databases[id].Spec)
}

func TestAVersionIsUpgradedWhenThatIsAllowedAndRunsWithTheNewestMinorOne(t *testing.T) {
	w := newTiered(t)
	w.subnetGroup()
	spec := w.database()
	id := must(w.RDS.CreateDatabase(spec, w.Now()))(t).ID
	assert.Equal(t, "17.7", w.RDS.Databases[id].Running)
	for _, version := range []string{"17.7", "18"} {
		spec.Version = version
		require.NoError(t, w.RDS.UpdateDatabase(id, spec, rds.Modification{AllowMajor: true}, w.Now()))
	}
	assert.Equal(t, "18.1", w.RDS.Databases[id].Running)
}

func TestADatabaseIsReachedByTheGroupsThatItsRulesName(t *testing.T) {
	w := newTiered(t)
	w.subnetGroup()
	spec := w.database()
	spec.Groups = []string{must(w.VPC.CreateSecurityGroup("database", w.vpc))(t).ID}
	database := must(w.RDS.CreateDatabase(spec, w.Now()))(t).ID
	assert.Equal(t, "ENI_SG_RULES_MISMATCH", w.Analyzer.Analyze(w.instance, database, 5432).Code)
	must(w.VPC.CreateRule(vpc.Rule{Group: w.group, Egress: true, Protocol: "tcp", From: 5432, To: 5432, Peer: spec.Groups[0]}))(t)
	must(w.VPC.CreateRule(vpc.Rule{Group: spec.Groups[0], Protocol: "tcp", From: 5432, To: 5432, Peer: w.group}))(t)
	assert.Nil(t, w.Analyzer.Analyze(w.instance, database, 5432))
	assert.NotNil(t, w.Analyzer.Analyze(w.bastion, database, 5432))
	assert.Equal(t, "NO_ROUTE_TO_DESTINATION", w.Analyzer.Analyze("internet", database, 5432).Code)
}

func TestACertificateIsIssuedOnceItsRecordsAreInPlace(t *testing.T) {
	for name, zone := range map[string]func(*tiered) route53.HostedZone{
		"in a zone of the stack": func(w *tiered) route53.HostedZone { return must(w.Route53.CreateHostedZone("example.com"))(w.t) },
		"in one from before":     func(w *tiered) route53.HostedZone { return must(w.Route53.HostedZoneByName("example.com."))(w.t) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newTiered(t)
			before := w.Left()
			in := zone(w)
			certificate := must(w.ACM.RequestCertificate("www.example.com", "*.www.example.com"))(t)
			records := certificate.Validation()
			require.Len(t, records, 2)
			assert.Equal(t, records[0].Name, records[1].Name, "a wildcard is proved with its domain")
			refused(t, "PENDING_VALIDATION", w.ACM.ValidateCertificate(certificate.ARN))

			full := must(w.Route53.CreateRecord(in.ID, records[0].Name, "CNAME", []string{records[0].Value}, false))(t)
			require.NoError(t, w.ACM.ValidateCertificate(certificate.ARN))
			issued, ok := w.ACM.Certificate(certificate.ARN)
			assert.True(t, ok && issued.Issued)

			require.NoError(t, w.Route53.DeleteRecord(in.ID, full, "CNAME"))
			require.NoError(t, w.Route53.DeleteHostedZone(in.ID, false))
			require.NoError(t, w.ACM.DeleteCertificate(certificate.ARN))
			assert.Equal(t, before, w.Left())
		})
	}
}

func TestAZoneIsFoundByItsName(t *testing.T) {
	w := newTiered(t)
	before := must(w.Route53.HostedZoneByName("example.com"))(t)
	assert.Equal(t, before, must(w.Route53.HostedZoneByName("example.com."))(t))
	made := must(w.Route53.CreateHostedZone("example.com"))(t)
	assert.Equal(t, made.ID, must(w.Route53.HostedZoneByName("example.com"))(t).ID)
	assert.NotEqual(t, before.ID, made.ID)
}

// logStream tries to create a stream of a group that has the stream a.
func logStream(name string) func(*tiered) error {
	return func(w *tiered) error {
		require.NoError(w.t, w.CloudWatch.CreateLogGroup(cloudwatch.LogGroup{Name: "g"}))
		require.NoError(w.t, w.CloudWatch.CreateLogStream("g", "a", w.Now()))
		return w.CloudWatch.CreateLogStream("g", name, w.Now())
	}
}

// logEvents tries to write messages to a stream of a group that has the stream a.
func logEvents(stream string, messages ...string) func(*tiered) error {
	return func(w *tiered) error {
		require.Error(w.t, logStream("a")(w))
		var events []cloudwatch.LogEvent
		for _, message := range messages {
			events = append(events, cloudwatch.LogEvent{Time: w.Now(), Message: message})
		}
		_, _, _, err := w.CloudWatch.PutLogEvents("g", stream, events, w.Now())
		return err
	}
}

// putLogs tries to write events of some times.
func putLogs(w *tiered, stream string, times ...time.Time) error {
	require.Error(w.t, logStream("a")(w))
	var events []cloudwatch.LogEvent
	for _, at := range times {
		events = append(events, cloudwatch.LogEvent{Time: at, Message: "a"})
	}
	_, _, _, err := w.CloudWatch.PutLogEvents("g", stream, events, w.Now())
	return err
}
