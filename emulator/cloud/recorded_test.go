package cloud_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud"
)

func (w *tiered) database() cloud.DatabaseSpec {
	return cloud.DatabaseSpec{
		Identifier: "swiftcode-db", Engine: "postgres", Version: "17", Class: "db.t4g.micro", StorageGiB: 20, Name: "swiftcode",
		Username: "swiftcode", ManagedPassword: true, SubnetGroup: "db", Groups: []string{w.group}, BackupDays: 7,
	}
}

func (w *tiered) subnetGroup() {
	require.NoError(w.t, w.CreateSubnetGroup(cloud.SubnetGroup{Name: "db", Subnets: w.islands}))
}

// Each case is something that AWS refuses, with the code that it gives.
func recordedRefusals(*testing.T) refusals[*tiered] {
	database := func(change func(*tiered, *cloud.DatabaseSpec)) func(*tiered) error {
		return func(w *tiered) error {
			w.subnetGroup()
			spec := w.database()
			change(w, &spec)
			_, err := w.CreateDatabase(spec)
			return err
		}
	}
	subnets := func(group func(*tiered) cloud.SubnetGroup) func(*tiered) error {
		return func(w *tiered) error { return w.CreateSubnetGroup(group(w)) }
	}
	subscribe := func(protocol, endpoint string) func(*tiered) error {
		return func(w *tiered) error {
			_, err := w.Subscribe(must(w.CreateTopic("alarms"))(w.t).ARN, cloud.Subscription{Protocol: protocol, Endpoint: endpoint})
			return err
		}
	}
	dashboard := func(body string) func(*tiered) error {
		return func(*tiered) error { return cloud.CheckDashboard(body) }
	}
	record := func(name, kind string, values ...string) func(*tiered) error {
		return func(w *tiered) error {
			zone := must(w.CreateZone("example.com"))(w.t)
			must(w.CreateRecord(zone.ID, "www", "A", []string{"1.2.3.4"}, false))(w.t)
			_, err := w.CreateRecord(zone.ID, name, kind, values, false)
			return err
		}
	}
	return refusals[*tiered]{
		"a subnet group in one zone": {"DBSubnetGroupDoesNotCoverEnoughAZs", "RDS API: CreateDBSubnetGroup", subnets(func(w *tiered) cloud.SubnetGroup {
			return cloud.SubnetGroup{Name: "db", Subnets: []string{w.islands[0], w.private[0]}}
		})},
		"a subnet group in capitals":   {"InvalidParameterValue", "RDS API: CreateDBSubnetGroup", subnets(func(w *tiered) cloud.SubnetGroup { return cloud.SubnetGroup{Name: "DB", Subnets: w.islands} })},
		"a subnet group of no subnets": {"InvalidSubnet", "RDS API: CreateDBSubnetGroup", subnets(func(*tiered) cloud.SubnetGroup { return cloud.SubnetGroup{Name: "db", Subnets: []string{"subnet-1"}} })},
		"a subnet group's name twice": {"DBSubnetGroupAlreadyExists", "RDS API: CreateDBSubnetGroup", func(w *tiered) error {
			w.subnetGroup()
			return w.CreateSubnetGroup(cloud.SubnetGroup{Name: "db", Subnets: w.islands})
		}},
		"an identifier with two hyphens":   {"InvalidParameterValue", "RDS API: CreateDBInstance", database(func(_ *tiered, s *cloud.DatabaseSpec) { s.Identifier = "a--b" })},
		"an identifier that ends with one": {"InvalidParameterValue", "RDS API: CreateDBInstance", database(func(_ *tiered, s *cloud.DatabaseSpec) { s.Identifier = "a-" })},
		"an unknown engine":                {"InvalidParameterValue", "RDS API: CreateDBInstance", database(func(_ *tiered, s *cloud.DatabaseSpec) { s.Engine = "mongo" })},
		"an unknown version":               {"InvalidParameterCombination", "RDS API: CreateDBInstance", database(func(_ *tiered, s *cloud.DatabaseSpec) { s.Version = "7" })},
		"an EC2 instance's type":           {"InvalidParameterValue", "RDS API: CreateDBInstance", database(func(_ *tiered, s *cloud.DatabaseSpec) { s.Class = "t4g.micro" })},
		"19 GiB":                           {"InvalidParameterValue", "RDS API: CreateDBInstance", database(func(_ *tiered, s *cloud.DatabaseSpec) { s.StorageGiB = 19 })},
		"36 days of backups":               {"InvalidParameterValue", "RDS API: CreateDBInstance", database(func(_ *tiered, s *cloud.DatabaseSpec) { s.BackupDays = 36 })},
		"a reserved user name":             {"InvalidParameterValue", "RDS API: CreateDBInstance", database(func(_ *tiered, s *cloud.DatabaseSpec) { s.Username = "admin" })},
		"a user name too long for MySQL": {"InvalidParameterValue", "RDS API: CreateDBInstance", database(func(_ *tiered, s *cloud.DatabaseSpec) {
			s.Engine, s.Version, s.Username = "mysql", "8.4", "abcdefghijklmnopq"
		})},
		"a database's name with a hyphen": {"InvalidParameterValue", "RDS API: CreateDBInstance", database(func(_ *tiered, s *cloud.DatabaseSpec) { s.Name = "a-b" })},
		"no password":                     {"InvalidParameterValue", "RDS API: CreateDBInstance", database(func(_ *tiered, s *cloud.DatabaseSpec) { s.ManagedPassword = false })},
		"two passwords":                   {"InvalidParameterCombination", "RDS API: CreateDBInstance", database(func(_ *tiered, s *cloud.DatabaseSpec) { s.Password = true })},
		"no subnet group":                 {"DBSubnetGroupNotFoundFault", "RDS API: CreateDBInstance", database(func(_ *tiered, s *cloud.DatabaseSpec) { s.SubnetGroup = "" })},
		"a security group that isn't":     {"InvalidParameterValue", "RDS API: CreateDBInstance", database(func(_ *tiered, s *cloud.DatabaseSpec) { s.Groups = []string{"sg-1"} })},
		"another network's security group": {"InvalidVPCNetworkStateFault", "RDS API: CreateDBInstance", database(func(w *tiered, s *cloud.DatabaseSpec) {
			other := must(w.CreateVPC("10.0.0.0/16"))(w.t).ID
			s.Groups = []string{must(w.CreateSecurityGroup("other", other))(w.t).ID}
		})},
		"a database twice": {"DBInstanceAlreadyExists", "RDS API: CreateDBInstance", func(w *tiered) error {
			w.subnetGroup()
			must(w.CreateDatabase(w.database()))(w.t)
			_, err := w.CreateDatabase(w.database())
			return err
		}},
		"less storage than before": {"InvalidParameterCombination", "RDS API: ModifyDBInstance", func(w *tiered) error {
			w.subnetGroup()
			spec := w.database()
			spec.StorageGiB = 30
			made := must(w.CreateDatabase(spec))(w.t)
			return w.UpdateDatabase(made.ID, w.database())
		}},
		"a topic's name with a dot":      {"InvalidParameter", "SNS API: CreateTopic", func(w *tiered) error { _, err := w.CreateTopic("a.b"); return err }},
		"a subscription of no topic":     {"NotFound", "SNS API: Subscribe", func(w *tiered) error { _, err := w.Subscribe("arn", cloud.Subscription{}); return err }},
		"a protocol that SNS hasn't":     {"InvalidParameter", "SNS API: Subscribe", subscribe("pigeon", "home")},
		"an address that is none":        {"InvalidParameter", "SNS API: Subscribe", subscribe("email", "Ops <ops@example.com>")},
		"a phone number without country": {"InvalidParameter", "SNS API: Subscribe", subscribe("sms", "0123456")},
		"HTTPS over HTTP":                {"InvalidParameter", "SNS API: Subscribe", subscribe("https", "http://example.com")},
		"a queue without an ARN":         {"InvalidParameter", "SNS API: Subscribe", subscribe("sqs", "queue")},
		"a log group with a space":       {"InvalidParameterException", "CloudWatch Logs API: CreateLogGroup", func(w *tiered) error { return w.CreateLogGroup(cloud.LogGroup{Name: "a b"}) }},
		"logs for 31 days":               {"InvalidParameterException", "CloudWatch Logs API: PutRetentionPolicy", func(w *tiered) error { return w.CreateLogGroup(cloud.LogGroup{Name: "a", RetentionDays: 31}) }},
		"a log group twice": {"ResourceAlreadyExistsException", "CloudWatch Logs API: CreateLogGroup", func(w *tiered) error {
			require.NoError(w.t, w.CreateLogGroup(cloud.LogGroup{Name: "a"}))
			return w.CreateLogGroup(cloud.LogGroup{Name: "a"})
		}},
		"a flow log to no log group":  {"InvalidParameter", "CloudWatch Logs API: CreateLogGroup", func(w *tiered) error { _, err := w.CreateFlowLog(w.vpc, "", "a", "r"); return err }},
		"a flow log of no network":    {"InvalidVpcId.NotFound", "EC2 API: CreateFlowLogs", func(w *tiered) error { _, err := w.CreateFlowLog("vpc-1", "", "a", "r"); return err }},
		"a dashboard that is no JSON": {"InvalidParameterInput", "CloudWatch API: PutDashboard", dashboard("widgets")},
		"a widget of no kind":         {"InvalidParameterInput", "CloudWatch API: Dashboard Body Structure and Syntax", dashboard(`{"widgets":[{"type":"chart","properties":{}}]}`)},
		"a widget over the edge":      {"InvalidParameterInput", "CloudWatch API: Dashboard Body Structure and Syntax", dashboard(`{"widgets":[{"type":"text","x":12,"width":13,"properties":{}}]}`)},
		"a widget that says nothing":  {"InvalidParameterInput", "CloudWatch API: Dashboard Body Structure and Syntax", dashboard(`{"widgets":[{"type":"text"}]}`)},
		"a zone of one label":         {"InvalidDomainName", "Route 53 API: CreateHostedZone", func(w *tiered) error { _, err := w.CreateZone("localhost"); return err }},
		"a record of no zone": {"NoSuchHostedZone", "Route 53 API: ChangeResourceRecordSets", func(w *tiered) error {
			_, err := w.CreateRecord("Z1", "www.example.com", "A", []string{"1.2.3.4"}, true)
			return err
		}},
		"a record twice":             {"InvalidChangeBatch", "Route 53 API: ChangeResourceRecordSets", record("www.example.com.", "A", "1.2.3.4")},
		"an alias name for the zone": {"InvalidChangeBatch", "Route 53 API: ChangeResourceRecordSets", record("example.com", "CNAME", "other.example.com")},
		"a record without a value":   {"InvalidInput", "Route 53 API: ChangeResourceRecordSets", record("mail", "A")},
		"a zone with records": {"HostedZoneNotEmpty", "Route 53 API: DeleteHostedZone", func(w *tiered) error {
			zone := must(w.CreateZone("example.com"))(w.t)
			must(w.CreateRecord(zone.ID, "", "A", []string{"1.2.3.4"}, false))(w.t)
			return w.DeleteZone(zone.ID, false)
		}},
		"a certificate for no domain":         {"InvalidDomainValidationOptionsException", "ACM API: RequestCertificate", func(w *tiered) error { _, err := w.RequestCertificate("*"); return err }},
		"a certificate that isn't, validated": {"ResourceNotFoundException", "ACM API: DescribeCertificate", func(w *tiered) error { return w.ValidateCertificate("arn") }},
		"a certificate without its record, validated": {"PENDING_VALIDATION", "terraform-provider-aws: internal/service/acm/certificate_validation.go", func(w *tiered) error {
			return w.ValidateCertificate(must(w.RequestCertificate("www.example.com"))(w.t).ARN)
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
	made := must(w.CreateDatabase(spec))(t)
	assert.Equal(t, "swiftcode-db.c9akciq32rgh.us-east-1.rds.amazonaws.com", w.DatabaseAddress(spec))

	refused(t, "InvalidDBSubnetGroupStateFault", w.DeleteSubnetGroup("db"))
	refused(t, "DependencyViolation", w.DeleteSubnet(w.islands[1]))
	w.InstanceEnded(w.instance, "")
	require.NoError(t, w.DeleteRule(w.rules["ssh out"]))
	refused(t, "DependencyViolation", w.DeleteSecurityGroup(w.group))
	refused(t, "InvalidParameterCombination", w.DeleteDatabase(made.ID, "final"))

	spec.Protected = false
	require.NoError(t, w.UpdateDatabase(made.ID, spec))
	require.NoError(t, w.DeleteDatabase(made.ID, "final"))
	require.NoError(t, w.DeleteSubnetGroup("db"))
	require.NoError(t, w.DeleteSubnet(w.islands[1]))
	require.NoError(t, w.DeleteSecurityGroup(w.group))
}

func TestAFinalSnapshotIsNotOverwritten(t *testing.T) {
	w := newTiered(t)
	w.subnetGroup()
	require.NoError(t, w.DeleteDatabase(must(w.CreateDatabase(w.database()))(t).ID, "final"))
	again := must(w.CreateDatabase(w.database()))(t)
	refused(t, "DBSnapshotAlreadyExists", w.DeleteDatabase(again.ID, "final"))
	require.NoError(t, w.DeleteDatabase(again.ID, ""))
}

func TestADatabaseIsReachedByTheGroupsThatItsRulesName(t *testing.T) {
	w := newTiered(t)
	w.subnetGroup()
	spec := w.database()
	spec.Groups = []string{must(w.CreateSecurityGroup("database", w.vpc))(t).ID}
	database := must(w.CreateDatabase(spec))(t).ID
	assert.Equal(t, "ENI_SG_RULES_MISMATCH", w.Analyze(w.instance, database, 5432).Code)
	must(w.CreateRule(cloud.Rule{Group: w.group, Egress: true, Protocol: "tcp", From: 5432, To: 5432, Peer: spec.Groups[0]}))(t)
	must(w.CreateRule(cloud.Rule{Group: spec.Groups[0], Protocol: "tcp", From: 5432, To: 5432, Peer: w.group}))(t)
	assert.Nil(t, w.Analyze(w.instance, database, 5432))
	assert.NotNil(t, w.Analyze(w.bastion, database, 5432))
	assert.Equal(t, "NO_ROUTE_TO_DESTINATION", w.Analyze("internet", database, 5432).Code)
}

func TestACertificateIsIssuedOnceItsRecordsAreInPlace(t *testing.T) {
	for name, zone := range map[string]func(*tiered) cloud.Zone{
		"in a zone of the stack": func(w *tiered) cloud.Zone { return must(w.CreateZone("example.com"))(w.t) },
		"in one from before":     func(w *tiered) cloud.Zone { return must(w.ZoneByName("example.com."))(w.t) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newTiered(t)
			before := w.Left()
			in := zone(w)
			certificate := must(w.RequestCertificate("www.example.com", "*.www.example.com"))(t)
			records := certificate.Validation()
			require.Len(t, records, 2)
			assert.Equal(t, records[0].Name, records[1].Name, "a wildcard is proved with its domain")
			refused(t, "PENDING_VALIDATION", w.ValidateCertificate(certificate.ARN))

			full := must(w.CreateRecord(in.ID, records[0].Name, "CNAME", []string{records[0].Value}, false))(t)
			require.NoError(t, w.ValidateCertificate(certificate.ARN))
			issued, ok := w.Certificate(certificate.ARN)
			assert.True(t, ok && issued.Issued)

			require.NoError(t, w.DeleteRecord(in.ID, full, "CNAME"))
			require.NoError(t, w.DeleteZone(in.ID, false))
			require.NoError(t, w.DeleteCertificate(certificate.ARN))
			assert.Equal(t, before, w.Left())
		})
	}
}

func TestAZoneIsFoundByItsName(t *testing.T) {
	w := newTiered(t)
	before := must(w.ZoneByName("example.com"))(t)
	assert.Equal(t, before, must(w.ZoneByName("example.com."))(t))
	made := must(w.CreateZone("example.com"))(t)
	assert.Equal(t, made.ID, must(w.ZoneByName("example.com"))(t).ID)
	assert.NotEqual(t, before.ID, made.ID)
}
