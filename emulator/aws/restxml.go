package aws

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// restXML is the protocol of S3: the path names the bucket and the object, the method and a parameter say what to do (Smithy:
// "AWS restXml protocol"). Buckets are in the path, not in the name of the host.
type restXML struct{}

// asked is what a request to S3 is for. A bucket has objects; a parameter such as location names a part of a bucket or an object.
type asked struct{ method, thing, part string }

var restOperations = map[asked]string{
	{"GET", "account", ""}:         "ListBuckets",
	{"GET", "bucket", "list-type"}: "ListObjectsV2",
	{"GET", "bucket", "location"}:  "GetBucketLocation",
	{"HEAD", "bucket", ""}:         "HeadBucket",
	{"POST", "bucket", "delete"}:   "DeleteObjects",
	{"GET", "object", ""}:          "GetObject",
	{"GET", "object", "tagging"}:   "GetObjectTagging",
	{"PUT", "object", copied}:      "CopyObject",
	{"HEAD", "object", ""}:         "HeadObject",
	{"PUT", "object", ""}:          "PutObject",
	{"DELETE", "object", ""}:       "DeleteObject",
}

// copied stands for what a header asks for, not a parameter.
const copied = "copy of another object"

// options are the parameters that say how to do an operation, not which.
var options = []string{
	"x-id", "prefix", "delimiter", "max-keys", "continuation-token", "start-after", "encoding-type", "fetch-owner", "max-buckets",
}

// operation returns the name of an operation, or for an unknown one how S3 is asked for it: "PUT of a bucket's acl".
func (restXML) operation(r *http.Request, _ []byte) string {
	bucket, key := place(r)
	a := asked{method: r.Method, thing: "account"}
	switch {
	case key != "":
		a.thing = "object"
	case bucket != "":
		a.thing = "bucket"
	}
	for _, name := range aws.Keys(r.URL.Query()) {
		if !slices.Contains(options, name) {
			a.part = name
		}
	}
	if r.Header.Get("X-Amz-Copy-Source") != "" {
		a.part = copied
	}
	if name := restOperations[a]; name != "" || a.part == "" {
		return name
	}
	article := "a "
	if a.thing != "bucket" {
		article = "an "
	}
	return a.method + " of " + article + a.thing + "'s " + a.part
}

// place returns the bucket and the key in a path.
func place(r *http.Request) (bucket, key string) {
	bucket, key, _ = strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return bucket, key
}

func (restXML) unknownOperation() string { return "NotImplemented" }

func (restXML) refusal(requestID string, e *aws.Error) ([]byte, string) {
	return marshal(struct {
		XMLName   xml.Name `xml:"Error"`
		Code      string
		Message   string
		RequestID string `xml:"RequestId"`
	}{Code: e.Code, Message: e.Message, RequestID: requestID}), "application/xml"
}
