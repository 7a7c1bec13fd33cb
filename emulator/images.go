package emulator

import (
	"os"
	"path/filepath"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/guest"
)

func (e *Emulator) imageFolder(id string) string {
	return filepath.Join(e.options.Folder, "images", id)
}

// followImages copies the files of instances of which images were made, and deletes those of images that are gone.
func (e *Emulator) followImages() {
	e.mu.Lock()
	defer e.mu.Unlock()
	wanted := map[string]bool{}
	for _, image := range cloud.Get(e.Cloud, func(m *cloud.Model) []ec2.Image { return m.EC2.DescribeImages() }) {
		wanted[image.ID] = true
		if !e.images[image.ID] {
			e.images[image.ID] = true
			e.capture(image)
		}
	}
	for id := range e.images {
		if !wanted[id] {
			delete(e.images, id)
			if err := os.RemoveAll(e.imageFolder(id)); err != nil {
				e.options.Log.Warn("image was not deleted", "image", id, "error", err)
			}
		}
	}
}

// capture copies an image's files once: they are kept over a restart, when their source may be gone.
func (e *Emulator) capture(image ec2.Image) {
	if _, err := os.Stat(e.imageFolder(image.ID)); err == nil {
		return
	}
	if err := guest.Capture(e.folder(image.Source), e.imageFolder(image.ID)); err != nil {
		e.options.Log.Error("image was not made: instances of it will not boot",
			"image", image.ID, "instance", image.Source, "error", err)
	}
}

// imageOf is the folder that an instance begins with; nothing for a stock image, which programs here stand in for.
func (e *Emulator) imageOf(i ec2.Instance) string {
	image, err := cloud.Find(e.Cloud, func(m *cloud.Model) (ec2.Image, error) { return m.EC2.ImageByID(i.ImageID) })
	if err != nil || image.Source == "" {
		return ""
	}
	return e.imageFolder(image.ID)
}
