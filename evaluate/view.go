package evaluate

import (
	"image"

	"autodeeplab/dataset"
	"autodeeplab/internal/imageio"
)

// picture is a pair's picture as package imageio has it.
func picture(pair *dataset.Pair) *imageio.Picture {
	m := image.NewRGBA(image.Rect(0, 0, pair.Width, pair.Height))
	for i := range pair.Height * pair.Width {
		copy(m.Pix[4*i:], pair.RGB[3*i:][:3])
		m.Pix[4*i+3] = 255
	}
	return &imageio.Picture{RGBA: m}
}
