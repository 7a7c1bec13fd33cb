package aws

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// page returns the part of a list that a request asks for, at most size items, and the token for the next part, nil at the end.
func page[T any](all []T, size *int32, token *string, standard int) ([]T, *string, error) {
	from := 0
	if token != nil && *token != "" {
		n, err := strconv.Atoi(*token)
		if err != nil || n < 0 || n > len(all) {
			return nil, nil, aws.Refuse("InvalidNextToken", "The token '%s' is invalid.", *token)
		}
		from = n
	}
	length := cmp.Or(int(sdk.ToInt32(size)), standard)
	if length < 1 {
		return nil, nil, aws.Refuse("ValidationError", "The number of records must be positive.")
	}
	to := min(from+length, len(all))
	if to == len(all) {
		return all[from:], nil, nil
	}
	return all[from:to], sdk.String(strconv.Itoa(to)), nil
}

// isAsked reports whether a request asks for a resource: by its name, or for all.
func isAsked(names []string, name string) bool {
	return len(names) == 0 || slices.Contains(names, name)
}

// sorted returns the values of a map by its keys.
func sorted[V any](m map[string]V) []V {
	var values []V
	for _, key := range aws.Keys(m) {
		values = append(values, m[key])
	}
	return values
}

func count(n int) *int32 { return sdk.Int32(int32(n)) }

func seconds(d time.Duration) *int32 { return count(int(d.Seconds())) }

// optional returns nil for an empty text, which AWS leaves out.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
