package evaluate

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"autodeeplab/dataset"
	"autodeeplab/internal/imageio"
)

// Format is a way to write masks, as a benchmark's server or its scripts want them.
type Format struct {
	Name, About string
	// Classes is the set of dataset.ByName that it is for, "" for any.
	Classes string

	file  func(sample string) string // the file's name
	ids   []uint8                    // by class; nil: the classes themselves
	plain bool                       // grey, without a palette
}

// Formats lists what there is.
var Formats = []Format{
	{
		// cityscapesScripts (evaluation/evalPixelLevelSemanticLabeling.py) looks for CITY_SEQUENCE_FRAME*.png of label ids.
		Name: "cityscapes", About: "grey PNGs of label ids, CITY_SEQUENCE_FRAME_pred.png", Classes: "cityscapes",
		file: func(sample string) string { return strings.TrimSuffix(sample, "_leftImg8bit") + "_pred.png" },
		// The label ids of the classes that count, by train id (cityscapesScripts, helpers/labels.py).
		ids:   []uint8{7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33},
		plain: true,
	},
	{
		// VOC2012's development kit: results/VOC2012/Segmentation/comp6_val_cls/IMAGE.png.
		Name: "voc", About: "PNGs of class ids with VOC's palette, IMAGE.png", Classes: "voc", file: png,
	},
	{Name: "index", About: "PNGs of class ids with the data set's palette, IMAGE.png", file: png},
}

func png(sample string) string { return sample + ".png" }

// FormatNames lists the names of Formats.
func FormatNames() []string {
	names := make([]string, len(Formats))
	for i, f := range Formats {
		names[i] = f.Name
	}
	return names
}

// FormatFor gives a format by its name, or, where name is "", the one that is made for the classes. The error says what
// there is, or that the format is for other classes.
func FormatFor(name string, classes *dataset.Classes) (*Format, error) {
	for i := range Formats {
		f := &Formats[i]
		switch {
		case name == "" && f.Classes != "" && f.Classes != classes.Name, name != "" && name != f.Name:
			continue
		case f.Classes != "" && f.Classes != classes.Name:
			return nil, fmt.Errorf("format %s is for the classes of %s, which this data set has not (index is for any)", f.Name, f.Classes)
		}
		return f, nil
	}
	return nil, fmt.Errorf("unknown format %q, want %s", name, strings.Join(FormatNames(), ", "))
}

// Paths gives the file of each sample's mask in a folder, by the sample's name. Folders in names are left out, as the
// servers want it; the error names two samples that would write the same file.
func (f *Format) Paths(dir string, samples []dataset.Sample) (map[string]string, error) {
	paths, taken := make(map[string]string), make(map[string]string)
	for _, s := range samples {
		file := f.file(path.Base(filepath.ToSlash(s.Name)))
		if other, twice := taken[file]; twice {
			return nil, fmt.Errorf("%s and %s would both write %s", other, s.Image, file)
		}
		taken[file] = s.Image
		paths[s.Name] = filepath.Join(dir, file)
	}
	return paths, nil
}

// Write writes a mask, whole or not at all.
func (f *Format) Write(path string, m *imageio.Mask, classes *dataset.Classes) error {
	if f.ids != nil {
		converted := &imageio.Mask{Width: m.Width, Height: m.Height, Labels: make([]uint8, len(m.Labels))}
		for i, v := range m.Labels {
			if int(v) >= len(f.ids) {
				return fmt.Errorf("%s: class %d, want less than %d", path, v, len(f.ids))
			}
			converted.Labels[i] = f.ids[v]
		}
		m = converted
	}
	if f.plain {
		return imageio.WriteGrey(path, m)
	}
	return imageio.WriteMask(path, m, classes.FullPalette())
}
