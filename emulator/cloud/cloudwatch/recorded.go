package cloudwatch

import (
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/metric"
)

// certificateDays is how long a certificate of ACM is valid. The emulator's do not age: ACM renews them in time (ACM: "Managed
// certificate renewal").
const certificateDays = 395

// collectRecorded collects the metrics of databases, as they are measured or, without a server, as if they were never used, and of what
// runs in the model alone: of a NAT gateway that is never full, and of a certificate that is always renewed.
func (s *Store) collectRecorded(minute time.Time, put func(Metric, metric.Sample)) {
	one := func(namespace, name, dimension, value string, n float64) {
		put(Metric{Namespace: namespace, Name: name, Dimensions: map[string]string{dimension: value}}, metric.One(n))
	}
	for _, id := range aws.Keys(s.rds.Databases) {
		spec, use := s.rds.Databases[id].Spec, s.rds.Databases[id].Use
		one("AWS/RDS", "FreeStorageSpace", "DBInstanceIdentifier", spec.Identifier, float64(int64(spec.StorageGiB)<<30-use.Stored))
		one("AWS/RDS", CPUUtilization, "DBInstanceIdentifier", spec.Identifier, use.CPU)
		one("AWS/RDS", "DatabaseConnections", "DBInstanceIdentifier", spec.Identifier, float64(use.Connections))
	}
	for _, id := range aws.Keys(s.vpc.NATGateways) {
		one("AWS/NATGateway", "ErrorPortAllocation", "NatGatewayId", id, 0)
		one("AWS/NATGateway", "PacketsDropCount", "NatGatewayId", id, 0)
	}
	for _, arn := range aws.Keys(s.acm.Certificates) {
		if s.acm.Certificates[arn].Issued && minute.Equal(minute.Truncate(12*time.Hour)) { // twice a day
			one("AWS/CertificateManager", "DaysToExpiry", "CertificateArn", arn, certificateDays)
		}
	}
}
