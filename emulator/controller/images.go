package controller

import (
	"os"
	"path/filepath"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/guest"
)

func (c *Controller) imageFolder(id string) string {
	return filepath.Join(c.options.Folder, "images", id)
}

// reconcileImages copies the files of instances that images were made from, and deletes the copies of images that do not exist any
// more.
func (c *Controller) reconcileImages() {
	c.mu.Lock()
	defer c.mu.Unlock()
	wanted := map[string]bool{}
	for _, image := range cloud.Get(c.cloud, func(m *cloud.Model) []ec2.Image { return m.EC2.DescribeImages() }) {
		wanted[image.ID] = true
		if !c.images[image.ID] {
			c.images[image.ID] = true
			c.capture(image)
		}
	}
	for id := range c.images {
		if !wanted[id] {
			delete(c.images, id)
			if err := os.RemoveAll(c.imageFolder(id)); err != nil {
				c.log.Warn("files of an image were not deleted", "image", id, "error", err)
			}
		}
	}
}

// capture copies an image's files, unless it has done so: the copy survives a restart, after which the instance may be gone.
func (c *Controller) capture(image ec2.Image) {
	if _, err := os.Stat(c.imageFolder(image.ID)); err == nil {
		return
	}
	if err := guest.Capture(c.instanceFolder(image.Source), c.imageFolder(image.ID)); err != nil {
		c.log.Error("files of an image were not copied: instances of it will not boot",
			"image", image.ID, "instance", image.Source, "error", err)
	}
}

// imageOf returns the folder with the files of an instance's image, or "" for a stock image, for which this machine's programs
// stand in.
func (c *Controller) imageOf(i ec2.Instance) string {
	image, err := cloud.Find(c.cloud, func(m *cloud.Model) (ec2.Image, error) { return m.EC2.ImageByID(i.ImageID) })
	if err != nil || image.Source == "" {
		return ""
	}
	return c.imageFolder(image.ID)
}
