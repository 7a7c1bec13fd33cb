package database

import (
	"strconv"
	"strings"
)

// memoryOfLarge is the memory of the size large in GiB, by the first letter of the family.
var memoryOfLarge = map[string]float64{"t": 8, "m": 8, "r": 16}

// sharesOfLarge is the memory of sizes as a share of the size large.
var sharesOfLarge = map[string]float64{"micro": 1. / 8, "small": 1. / 4, "medium": 1. / 2, "large": 1, "xlarge": 2}

// Bytes of memory for a connection, and the most connections, in RDS's own parameter groups (RDS User Guide: "Maximum number of
// database connections").
const (
	postgresConnection = 9531392
	mySQLConnection    = 12582880
	postgresMost       = 5000
	mySQLMost          = 16000
)

// MaxConnections returns about how many connections the database takes, 0 if the memory of its class is not known. RDS divides the
// memory that the engine gets, which is less than the class has.
func (a *Args) MaxConnections() int {
	class, family := strings.TrimPrefix(a.InstanceClass, "db."), ""
	if class != "" {
		family = class[:1]
	}
	_, size, _ := strings.Cut(class, ".")
	share, known := sharesOfLarge[size]
	if times, ok := strings.CutSuffix(size, "xlarge"); ok && !known {
		n, err := strconv.Atoi(times)
		share, known = 2*float64(n), err == nil
	}
	bytes := memoryOfLarge[family] * share * (1 << 30)
	switch {
	case !known || bytes == 0:
		return 0
	case a.Engine == "postgres":
		return min(int(bytes/postgresConnection), postgresMost)
	default:
		return min(int(bytes/mySQLConnection), mySQLMost)
	}
}
