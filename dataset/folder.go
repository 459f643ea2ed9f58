package dataset

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image/color"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Sample is one image with its labels.
type Sample struct {
	Name         string // of both files, without folder and ending
	Image, Label string // paths
}

// Set is a data set in a folder: classes, and samples in two splits, each sorted by name.
type Set struct {
	Dir, Layout string
	Classes     Classes
	Train, Val  []Sample
}

// layouts is the table of folder layouts that Open knows. Paths are relative to the set's folder.
var layouts = []struct {
	name               string
	trainImages, train string // folders of images and of labels
	valImages, val     string
	classes            string // a set of ByName, or "" for classes.json
}{
	{"camvid", "train", "trainannot", "val", "valannot", "camvid"},
	{"plain", "images/train", "labels/train", "images/val", "labels/val", ""},
}

// Layouts lists the layouts that Open knows.
func Layouts() []string {
	var names []string
	for _, l := range layouts {
		names = append(names, l.name)
	}
	return names
}

// classesFile names the classes of a set of layout plain.
const classesFile = "classes.json"

// Open reads what a folder holds, in one of the Layouts, or in the first that fits where layout is "". No picture is
// read yet. Every image must have labels of the same name and the other way round; the error names the first that has
// none, and how many more there are.
//
//	camvid  train/ trainannot/ val/ valannot/      CamVid's 11 classes; label 11 is ignored
//	plain   images/train/ labels/train/ images/val/ labels/val/ and classes.json, as
//	        {"classes": ["road", "car"], "palette": ["804080", "40e0d0"], "ignore": 255}; palette and ignore may be left out
func Open(dir, layout string) (*Set, error) {
	if info, err := os.Stat(dir); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return nil, fmt.Errorf("%s: it is a file, want a folder of images and labels", dir)
	}
	for _, l := range layouts {
		if layout != "" && layout != l.name {
			continue
		}
		folders := []string{l.trainImages, l.train, l.valImages, l.val}
		missing := slices.IndexFunc(folders, func(f string) bool {
			info, err := os.Stat(filepath.Join(dir, f))
			return err != nil || !info.IsDir()
		})
		if missing >= 0 {
			if layout != "" {
				return nil, fmt.Errorf("%s: layout %s has a folder %s, which is missing", dir, layout, folders[missing])
			}
			continue
		}
		s := &Set{Dir: dir, Layout: l.name}
		var err error
		if s.Classes, err = openClasses(dir, l.classes); err != nil {
			return nil, err
		}
		if s.Train, err = pairs(filepath.Join(dir, l.trainImages), filepath.Join(dir, l.train)); err != nil {
			return nil, err
		}
		if s.Val, err = pairs(filepath.Join(dir, l.valImages), filepath.Join(dir, l.val)); err != nil {
			return nil, err
		}
		return s, nil
	}
	if layout != "" {
		return nil, fmt.Errorf("layout %q, want one of %s", layout, strings.Join(Layouts(), ", "))
	}
	var known []string
	for _, l := range layouts {
		known = append(known, fmt.Sprintf("%s has %s, %s, %s and %s", l.name, l.trainImages, l.train, l.valImages, l.val))
	}
	return nil, fmt.Errorf("%s: none of the layouts fits this folder: %s", dir, strings.Join(known, "; "))
}

func openClasses(dir, name string) (Classes, error) {
	if name != "" {
		c, err := ByName(name)
		if err != nil {
			return Classes{}, err
		}
		return *c, nil
	}
	path := filepath.Join(dir, classesFile)
	f, err := os.Open(path)
	if err != nil {
		return Classes{}, err
	}
	defer f.Close()
	var file struct {
		Classes []string `json:"classes"`
		Palette []string `json:"palette"`
		Ignore  *uint8   `json:"ignore"`
	}
	d := json.NewDecoder(io.LimitReader(f, 1<<20))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return Classes{}, fmt.Errorf("%s: %w", path, err)
	}
	c := Classes{ClassNames: file.Classes, IgnoreLabel: 255, IgnoreColour: color.RGBA{A: 255}}
	if file.Ignore != nil {
		c.IgnoreLabel = *file.Ignore
	}
	if n := len(file.Classes); n < 2 || n >= MaxClasses {
		return Classes{}, fmt.Errorf("%s: %d classes, want 2 to %d", path, n, MaxClasses-1)
	}
	if int(c.IgnoreLabel) < c.Len() {
		return Classes{}, fmt.Errorf("%s: label %d is to be ignored, but is class %q too", path, c.IgnoreLabel, c.ClassNames[c.IgnoreLabel])
	}
	if len(file.Palette) > 0 && len(file.Palette) != c.Len() {
		return Classes{}, fmt.Errorf("%s: %d colours for %d classes", path, len(file.Palette), c.Len())
	}
	for i := range c.ClassNames {
		rgb := []byte{byte(37 * (i + 1)), byte(91 * (i + 1)), byte(151 * (i + 1))}
		if len(file.Palette) > 0 {
			if rgb, err = hex.DecodeString(strings.TrimPrefix(file.Palette[i], "#")); err != nil || len(rgb) != 3 {
				return Classes{}, fmt.Errorf("%s: colour %q, want six hexadecimal digits", path, file.Palette[i])
			}
		}
		c.Palette = append(c.Palette, color.RGBA{rgb[0], rgb[1], rgb[2], 255})
	}
	return c, nil
}

// imageEndings are those of photographs, labelEndings those of label maps, in the order in which they are looked for.
var (
	imageEndings = []string{".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}
	labelEndings = []string{".png"}
)

// pairs lists the samples of two folders.
func pairs(images, labels string) ([]Sample, error) {
	photos, err := byName(images, imageEndings)
	if err != nil {
		return nil, err
	}
	maps, err := byName(labels, labelEndings)
	if err != nil {
		return nil, err
	}
	var list []Sample
	var alone []string
	for name, photo := range photos {
		if label, ok := maps[name]; ok {
			list = append(list, Sample{name, photo, label})
		} else {
			alone = append(alone, photo)
		}
	}
	if len(alone) > 0 {
		return nil, lonely(alone, "labels", filepath.Join(labels, "…"+labelEndings[0]))
	}
	for name, label := range maps {
		if _, ok := photos[name]; !ok {
			alone = append(alone, label)
		}
	}
	if len(alone) > 0 {
		return nil, lonely(alone, "image", filepath.Join(images, "…"+imageEndings[0]))
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: no images (%s)", images, strings.Join(imageEndings, ", "))
	}
	slices.SortFunc(list, func(a, b Sample) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func lonely(files []string, what, where string) error {
	slices.Sort(files)
	more := ""
	if n := len(files) - 1; n > 0 {
		more = fmt.Sprintf(", nor have %d more", n)
	}
	return fmt.Errorf("%s: it has no %s of the same name (%s)%s", files[0], what, where, more)
}

// byName lists a folder's files of some endings by their names without them. Hidden files are left out.
func byName(dir string, endings []string) (map[string]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	files := make(map[string]string)
	for _, e := range entries {
		ending := strings.ToLower(filepath.Ext(e.Name()))
		if strings.HasPrefix(e.Name(), ".") || e.IsDir() || !slices.Contains(endings, ending) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		if info, err := os.Stat(path); err != nil { // a link that leads nowhere, say
			return nil, err
		} else if !info.Mode().IsRegular() {
			return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("it is no regular file")}
		}
		name := e.Name()[:len(e.Name())-len(ending)]
		if other, twice := files[name]; twice {
			return nil, fmt.Errorf("%s and %s have the same name: which is meant?", other, path)
		}
		files[name] = path
	}
	return files, nil
}
