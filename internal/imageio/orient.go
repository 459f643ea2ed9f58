package imageio

import (
	"image"
	"io"

	"github.com/bep/imagemeta"
)

var metaFormats = map[string]imagemeta.ImageFormat{
	"JPEG": imagemeta.JPEG, "PNG": imagemeta.PNG, "WebP": imagemeta.WebP, "TIFF": imagemeta.TIFF,
}

// orientation reads the EXIF (for TIFF: the baseline) tag 0x0112. Metadata that cannot be read does not make a picture
// unreadable: it is upright then, as it is without the tag or with a value outside 1…8.
func orientation(r io.ReadSeeker, format string) int {
	f, ok := metaFormats[format]
	if !ok {
		return 1
	}
	found := 1
	wanted := func(t imagemeta.TagInfo) bool { return t.Tag == "Orientation" && t.Namespace == "IFD0" }
	_, _ = imagemeta.Decode(imagemeta.Options{
		R:               r,
		ImageFormat:     f,
		Sources:         imagemeta.EXIF,
		ShouldHandleTag: wanted,
		HandleTag: func(t imagemeta.TagInfo) error {
			if v, ok := t.Value.(uint16); ok && wanted(t) && v >= 1 && v <= 8 {
				found = int(v)
				return imagemeta.ErrStopWalking
			}
			return nil
		},
	})
	return found
}

// upright turns a picture that is stored with EXIF orientation o. Values 5…8 swap width and height.
func upright(src *image.RGBA, o int) *image.RGBA {
	if o == 1 {
		return src
	}
	w, h := src.Rect.Dx(), src.Rect.Dy()
	ow, oh := w, h
	if o >= 5 {
		ow, oh = h, w
	}
	// Byte offset in src of upright (0, 0), and the steps there for one pixel to the right and one down.
	px, line := 4, src.Stride
	right, bottom := (w-1)*px, (h-1)*line
	var at, dx, dy int
	switch o {
	case 2: // mirrored left-right
		at, dx, dy = right, -px, line
	case 3: // upside down
		at, dx, dy = right+bottom, -px, -line
	case 4: // mirrored top-bottom
		at, dx, dy = bottom, px, -line
	case 5: // mirrored along the main diagonal
		at, dx, dy = 0, line, px
	case 6: // to be turned a quarter clockwise
		at, dx, dy = bottom, -line, px
	case 7: // mirrored along the other diagonal
		at, dx, dy = right+bottom, -line, -px
	case 8: // to be turned a quarter counter-clockwise
		at, dx, dy = right, line, -px
	}
	dst := image.NewRGBA(image.Rect(0, 0, ow, oh))
	for y := range oh {
		from := at + y*dy
		row := dst.Pix[y*dst.Stride : y*dst.Stride+4*ow]
		for i := 0; i < len(row); i += 4 {
			copy(row[i:i+4], src.Pix[from:from+4])
			from += dx
		}
	}
	return dst
}
