package s3

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/iam"
)

// Bucket holds objects. The caller keeps their bytes in files.
type Bucket struct {
	Name    string
	Policy  string // document; "" for none
	Objects map[string]Object
	Rules   []Rule
}

// Rule expires objects (API: LifecycleRule).
type Rule struct {
	Prefix  string // of the keys
	Tag, Is string // only objects with this tag; "" for all
	Days    int    // since the object was written
}

// expires reports whether a rule deletes an object at a time. S3 rounds up to the next midnight (S3 User Guide: "Lifecycle
// configuration elements", age of an object).
func (r Rule) expires(o Object, now time.Time) bool {
	if !strings.HasPrefix(o.Key, r.Prefix) || r.Tag != "" && o.Tags[r.Tag] != r.Is {
		return false
	}
	due := o.Modified.UTC().AddDate(0, 0, r.Days)
	return now.After(due.Truncate(24 * time.Hour).Add(24 * time.Hour))
}

// Object is a stored object.
type Object struct {
	Key      string
	Source   string // local file that holds the bytes
	SHA256   string
	Modified time.Time
	Tags     map[string]string
}

// maxObjectTags is how many tags an object takes (S3 User Guide: "Categorizing your storage using tags").
const maxObjectTags = 10

// NewObject returns an object whose bytes are in a file that is named for their SHA-256.
func NewObject(key, file string, now time.Time) Object {
	return Object{Key: key, Source: file, SHA256: filepath.Base(file), Modified: now}
}

// bucketName matches names of general purpose buckets (S3 User Guide: "Bucket naming rules").
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// CreateBucket creates an empty bucket.
func (s *Store) CreateBucket(name string) error {
	if !bucketName.MatchString(name) {
		return aws.Refuse("InvalidBucketName", "The specified bucket is not valid: %s.", name)
	}
	if s.Buckets[name] != nil {
		return aws.Refuse("BucketAlreadyOwnedByYou", "Your previous request to create the named bucket %s succeeded.", name)
	}
	s.Buckets[name] = &Bucket{Name: name, Objects: map[string]Object{}}
	return nil
}

// DeleteBucket deletes an empty bucket, or with force any bucket.
func (s *Store) DeleteBucket(name string, force bool) error {
	if bucket := s.Buckets[name]; bucket != nil && len(bucket.Objects) > 0 && !force {
		return aws.Refuse("BucketNotEmpty", "The bucket you tried to delete (%s) is not empty.", name)
	}
	delete(s.Buckets, name)
	return nil
}

// Bucket returns a bucket, or NoSuchBucket (API: HeadBucket).
func (s *Store) Bucket(name string) (*Bucket, error) {
	found := s.Buckets[name]
	if found == nil {
		return nil, aws.Refuse("NoSuchBucket", "The specified bucket does not exist: %s.", name)
	}
	return found, nil
}

// PutBucketPolicy replaces the policy of a bucket (API: PutBucketPolicy).
func (s *Store) PutBucketPolicy(bucket, document string) error {
	found, err := s.Bucket(bucket)
	if err != nil {
		return err
	}
	if err := iam.CheckPolicy(document); err != nil {
		return aws.Refuse("MalformedPolicy", "Policies must be valid JSON and have statements that allow or deny.")
	}
	found.Policy = document
	return nil
}

// DeleteBucketPolicy removes the policy of a bucket. A bucket without a policy stays as it is (API: DeleteBucketPolicy).
func (s *Store) DeleteBucketPolicy(bucket string) error {
	if found := s.Buckets[bucket]; found != nil {
		found.Policy = ""
	}
	return nil
}

// PutLifecycle replaces the rules of a bucket (API: PutBucketLifecycleConfiguration).
func (s *Store) PutLifecycle(bucket string, rules []Rule) error {
	found, err := s.Bucket(bucket)
	if err != nil {
		return err
	}
	found.Rules = rules
	return nil
}

// DeleteLifecycle removes the rules of a bucket. A bucket that does not exist has none (API: DeleteBucketLifecycle).
func (s *Store) DeleteLifecycle(bucket string) error {
	if found := s.Buckets[bucket]; found != nil {
		found.Rules = nil
	}
	return nil
}

// Reconcile deletes the objects that have expired.
func (s *Store) Reconcile(now time.Time) bool {
	changed := false
	for _, bucket := range s.Buckets {
		if len(bucket.Rules) == 0 {
			continue
		}
		before := len(bucket.Objects)
		maps.DeleteFunc(bucket.Objects, func(_ string, o Object) bool {
			return slices.ContainsFunc(bucket.Rules, func(r Rule) bool { return r.expires(o, now) })
		})
		changed = changed || len(bucket.Objects) < before
	}
	return changed
}

// PutObject stores an object.
func (s *Store) PutObject(bucket string, object Object) error {
	found, err := s.Bucket(bucket)
	if err != nil {
		return err
	}
	if len(object.Tags) > maxObjectTags {
		return aws.Refuse("BadRequest", "Object tags cannot be greater than %d: %d", maxObjectTags, len(object.Tags))
	}
	found.Objects[object.Key] = object
	return nil
}

// Object returns an object of a bucket (API: GetObject).
func (s *Store) Object(bucket, key string) (Object, error) {
	found, err := s.Bucket(bucket)
	if err != nil {
		return Object{}, err
	}
	object, ok := found.Objects[key]
	if !ok {
		return Object{}, aws.Refuse("NoSuchKey", "The specified key does not exist: %s.", key)
	}
	return object, nil
}

// Objects returns the objects of a bucket, sorted by key (API: ListObjectsV2).
func (s *Store) Objects(bucket string) ([]Object, error) {
	found, err := s.Bucket(bucket)
	if err != nil {
		return nil, err
	}
	var all []Object
	for _, key := range aws.Keys(found.Objects) {
		all = append(all, found.Objects[key])
	}
	return all, nil
}

// DeleteObject deletes an object.
func (s *Store) DeleteObject(bucket, key string) error {
	if found := s.Buckets[bucket]; found != nil {
		delete(found.Objects, key)
	}
	return nil
}
