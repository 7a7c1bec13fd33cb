package aws

import (
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	model "github.com/elastic-service/elastic-service/emulator/cloud/s3"
	"github.com/elastic-service/elastic-service/internal/objects"
)

func (a *API) s3() *service {
	return &service{name: "s3", title: "S3", operations: map[string]operation{
		"ListBuckets":       rest(a.listBuckets),
		"HeadBucket":        rest(a.headBucket),
		"GetBucketLocation": rest(a.getBucketLocation),
		"ListObjectsV2":     rest(a.listObjects),
		"GetObject":         rest(a.getObject),
		"HeadObject":        rest(a.getObject), // net/http leaves out the body
		"GetObjectTagging":  rest(a.getObjectTagging),
		"CopyObject":        rest(a.copyObject),
		"PutObject":         rest(a.putObject),
		"DeleteObject":      rest(a.deleteObject),
		"DeleteObjects":     rest(a.deleteObjects),
	}}
}

// rest returns the operation that f carries out. What f returns is written as XML, unless it is nil.
func rest(f func(w http.ResponseWriter, r *http.Request) (any, error)) operation {
	return func(_ call, w http.ResponseWriter, r *http.Request) error {
		answer, err := f(w, r)
		if err == nil && answer != nil {
			write(w, http.StatusOK, "application/xml", marshal(answer))
		}
		return err
	}
}

type listBucketsOutput struct {
	XMLName xml.Name      `xml:"ListAllMyBucketsResult"`
	Buckets []namedBucket `xml:"Buckets>Bucket"`
}

type namedBucket struct{ Name string }

func (a *API) listBuckets(http.ResponseWriter, *http.Request) (any, error) {
	out := listBucketsOutput{}
	a.cloud.View(func(m *cloud.Model) {
		for _, name := range aws.Keys(m.S3.Buckets) {
			out.Buckets = append(out.Buckets, namedBucket{name})
		}
	})
	return out, nil
}

func (a *API) headBucket(w http.ResponseWriter, r *http.Request) (any, error) {
	if err := a.needBucket(r); err != nil {
		return nil, err
	}
	w.Header().Set("X-Amz-Bucket-Region", string(a.cloud.Region()))
	return nil, nil
}

// needBucket refuses a request that names a bucket which does not exist.
func (a *API) needBucket(r *http.Request) error {
	bucket, _ := place(r)
	return a.read(func(m *cloud.Model) error {
		_, err := m.S3.Bucket(bucket)
		return err
	})
}

type locationConstraint struct {
	XMLName xml.Name `xml:"LocationConstraint"`
	Region  string   `xml:",chardata"`
}

// getBucketLocation returns the region of a bucket. That of us-east-1 has no name.
func (a *API) getBucketLocation(_ http.ResponseWriter, r *http.Request) (any, error) {
	if err := a.needBucket(r); err != nil {
		return nil, err
	}
	if region := string(a.cloud.Region()); region != "us-east-1" {
		return locationConstraint{Region: region}, nil
	}
	return locationConstraint{}, nil
}

type listObjectsOutput struct {
	XMLName               xml.Name `xml:"ListBucketResult"`
	Name                  string
	Prefix                string
	Delimiter             string `xml:",omitempty"`
	EncodingType          string `xml:",omitempty"`
	MaxKeys               int
	KeyCount              int
	IsTruncated           bool
	NextContinuationToken string `xml:",omitempty"`
	Contents              []listedObject
	CommonPrefixes        []commonPrefix
}

type listedObject struct {
	Key          string
	LastModified time.Time
	ETag         string
	Size         int64
	StorageClass string
}

type commonPrefix struct{ Prefix string }

// mostKeys is how many objects S3 lists in an answer (API: ListObjectsV2).
const mostKeys = 1000

// listObjects lists the objects of a bucket. The token of a page is the last key, or common prefix, of the page before.
func (a *API) listObjects(_ http.ResponseWriter, r *http.Request) (any, error) {
	bucket, _ := place(r)
	all, err := cloud.Find(a.cloud, func(m *cloud.Model) ([]model.Object, error) { return m.S3.Objects(bucket) })
	if err != nil {
		return nil, err
	}
	asked := r.URL.Query()
	out := &listObjectsOutput{
		Name: bucket, Prefix: asked.Get("prefix"), Delimiter: asked.Get("delimiter"), EncodingType: asked.Get("encoding-type"), MaxKeys: mostKeys,
	}
	if given := asked.Get("max-keys"); given != "" {
		n, err := strconv.Atoi(given)
		if err != nil || n < 0 {
			return nil, aws.Refuse("InvalidArgument", "Provided max-keys not an integer or within integer range")
		}
		out.MaxKeys = min(n, mostKeys)
	}
	after := max(asked.Get("start-after"), asked.Get("continuation-token"))
	for _, object := range all {
		name, folded := out.entry(object.Key)
		if !strings.HasPrefix(object.Key, out.Prefix) || name <= after {
			continue
		}
		if out.KeyCount == out.MaxKeys {
			out.IsTruncated, out.NextContinuationToken = true, after
			break
		}
		if err := out.add(object, name, folded); err != nil {
			return nil, err
		}
		after = name
	}
	return out, nil
}

// entry returns the name under which a key is listed: the key, or the prefix that it shares with others up to the delimiter.
func (o *listObjectsOutput) entry(key string) (name string, folded bool) {
	rest := strings.TrimPrefix(key, o.Prefix)
	if at := strings.Index(rest, o.Delimiter); o.Delimiter != "" && at >= 0 {
		return o.Prefix + rest[:at+len(o.Delimiter)], true
	}
	return key, false
}

func (o *listObjectsOutput) add(object model.Object, name string, folded bool) error {
	o.KeyCount++
	written := name
	if o.EncodingType == "url" {
		written = url.QueryEscape(name)
	}
	if folded {
		o.CommonPrefixes = append(o.CommonPrefixes, commonPrefix{written})
		return nil
	}
	info, err := os.Stat(object.Source)
	if err != nil {
		return err
	}
	o.Contents = append(o.Contents, listedObject{written, object.Modified.UTC(), tagOf(object), info.Size(), "STANDARD"})
	return nil
}

// tagOf returns an entity tag. That of an object which S3 encrypts with a key of KMS is no MD5 either (API: Object).
func tagOf(object model.Object) string { return strconv.Quote(object.SHA256[:32]) }

// getObject serves an object, or the range of it that is asked for.
func (a *API) getObject(w http.ResponseWriter, r *http.Request) (any, error) {
	bucket, key := place(r)
	object, err := cloud.Find(a.cloud, func(m *cloud.Model) (model.Object, error) { return m.S3.Object(bucket, key) })
	if err != nil {
		return nil, err
	}
	file, err := os.Open(object.Source)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	w.Header().Set("ETag", tagOf(object))
	w.Header().Set("Content-Type", "binary/octet-stream")
	http.ServeContent(w, r, "", object.Modified, file)
	return nil, nil
}

func (a *API) putObject(w http.ResponseWriter, r *http.Request) (any, error) {
	bucket, key := place(r)
	if err := a.needBucket(r); err != nil {
		return nil, err
	}
	file, err := objects.Keep(a.folder, payload(r))
	if err != nil {
		return nil, err
	}
	object, err := cloud.Make(a.cloud, func(m *cloud.Model) (model.Object, error) {
		object := model.NewObject(key, file, m.Clock.Now())
		return object, m.S3.PutObject(bucket, object)
	})
	if err != nil {
		return nil, err
	}
	w.Header().Set("ETag", tagOf(object))
	return nil, nil
}

type objectTags struct {
	XMLName xml.Name    `xml:"Tagging"`
	Tags    []objectTag `xml:"TagSet>Tag"`
}

type objectTag struct{ Key, Value string }

func (a *API) getObjectTagging(_ http.ResponseWriter, r *http.Request) (any, error) {
	bucket, key := place(r)
	object, err := cloud.Find(a.cloud, func(m *cloud.Model) (model.Object, error) { return m.S3.Object(bucket, key) })
	if err != nil {
		return nil, err
	}
	out := objectTags{}
	for _, name := range aws.Keys(object.Tags) {
		out.Tags = append(out.Tags, objectTag{name, object.Tags[name]})
	}
	return out, nil
}

type copyObjectOutput struct {
	XMLName      xml.Name `xml:"CopyObjectResult"`
	ETag         string
	LastModified time.Time
}

// copyObject copies an object, onto itself too. The copy has the tags of its source unless the request replaces them.
func (a *API) copyObject(_ http.ResponseWriter, r *http.Request) (any, error) {
	bucket, key := place(r)
	source, err := url.PathUnescape(strings.TrimPrefix(r.Header.Get("X-Amz-Copy-Source"), "/"))
	if err != nil {
		return nil, aws.Refuse("InvalidArgument", "Invalid copy source encoding.")
	}
	fromBucket, fromKey, _ := strings.Cut(source, "/")
	replaced := r.Header.Get("X-Amz-Tagging-Directive") == "REPLACE"
	if fromBucket == bucket && fromKey == key && !replaced && r.Header.Get("X-Amz-Metadata-Directive") != "REPLACE" {
		return nil, aws.Refuse("InvalidRequest", "This copy request is illegal because it is trying to copy an object to itself without "+
			"changing the object's metadata, storage class, website redirect location or encryption attributes.")
	}
	tags, err := url.ParseQuery(r.Header.Get("X-Amz-Tagging"))
	if err != nil {
		return nil, aws.Refuse("InvalidArgument", "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters.")
	}
	made, err := cloud.Make(a.cloud, func(m *cloud.Model) (model.Object, error) {
		object, err := m.S3.Object(fromBucket, fromKey)
		if err != nil {
			return object, err
		}
		object.Key, object.Modified = key, m.Clock.Now()
		if replaced {
			object.Tags = map[string]string{}
			for name := range tags {
				object.Tags[name] = tags.Get(name)
			}
		}
		return object, m.S3.PutObject(bucket, object)
	})
	if err != nil {
		return nil, err
	}
	return copyObjectOutput{ETag: tagOf(made), LastModified: made.Modified.UTC()}, nil
}

// payload returns the bytes of an object that is put. Clients may send them in signed chunks (API: "Signature calculations for
// the Authorization header: transferring payload in multiple chunks"), which have the form of HTTP's.
func payload(r *http.Request) io.Reader {
	if strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		return httputil.NewChunkedReader(r.Body)
	}
	return r.Body
}

func (a *API) deleteObject(w http.ResponseWriter, r *http.Request) (any, error) {
	bucket, key := place(r)
	if err := a.needBucket(r); err != nil {
		return nil, err
	}
	err := a.cloud.Change(func(m *cloud.Model) error { return m.S3.DeleteObject(bucket, key) })
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
	}
	return nil, err
}

type deleteObjectsInput struct {
	Object []deletedObject
	Quiet  bool
}

type deleteObjectsOutput struct {
	XMLName xml.Name `xml:"DeleteResult"`
	Deleted []deletedObject
}

type deletedObject struct{ Key string }

func (a *API) deleteObjects(w http.ResponseWriter, r *http.Request) (any, error) {
	bucket, _ := place(r)
	if err := a.needBucket(r); err != nil {
		return nil, err
	}
	var in deleteObjectsInput
	if err := xml.NewDecoder(http.MaxBytesReader(w, r.Body, mostBody)).Decode(&in); err != nil {
		return nil, aws.Refuse("MalformedXML", "%v", err)
	}
	err := a.cloud.Change(func(m *cloud.Model) error {
		for _, object := range in.Object {
			if err := m.S3.DeleteObject(bucket, object.Key); err != nil {
				return err
			}
		}
		return nil
	})
	if in.Quiet {
		in.Object = nil
	}
	return deleteObjectsOutput{Deleted: in.Object}, err
}
