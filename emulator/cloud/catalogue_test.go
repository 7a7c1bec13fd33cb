package cloud_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const amazonLinux = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"

func TestAParameterNamesTheNewestImageOfItsLineOrTheVersionThatIsAskedFor(t *testing.T) {
	w := newWorld(t)
	first := must(w.EC2.ImageByParameter(amazonLinux))(t)
	second := must(w.EC2.PublishImage(amazonLinux))(t)
	assert.NotEqual(t, first.ID, second.ID)
	for name, want := range map[string]string{amazonLinux: second.ID, amazonLinux + ":1": first.ID, amazonLinux + ":2": second.ID} {
		assert.Equal(t, want, must(w.EC2.ImageByParameter(name))(t).ID, name)
	}
	for _, image := range []string{first.ID, second.ID} {
		assert.Equal(t, image, must(w.EC2.ImageByID(image))(t).ID, "both can be launched")
	}
	other := must(w.EC2.ImageByParameter(amazonLinux[:len(amazonLinux)-len("x86_64")] + "arm64"))(t)
	assert.Equal(t, "al2023-ami-kernel-default-arm64", other.Name, "other lines stay")
	for name, want := range map[string]string{amazonLinux + ":3": "ParameterVersionNotFound", amazonLinux + ":0": "ParameterVersionNotFound"} {
		_, err := w.EC2.ImageByParameter(name)
		require.ErrorContains(t, err, want)
	}
	_, err := w.EC2.PublishImage("/aws/service/nothing")
	require.ErrorContains(t, err, "ParameterNotFound")
}
