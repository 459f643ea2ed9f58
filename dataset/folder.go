package dataset

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image/color"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Sample is one image with its labels.
type Sample struct {
	// Name is that of the image's file, without folder, ending and what the layout adds; of a record, its shard's and number.
	Name         string
	Image, Label string // paths, for records both the shard's: [Set.Load] reads either

	record span
	scheme scheme // of the labels' values
}

// Set is a data set in a folder: classes, and samples in two splits, each sorted by name.
type Set struct {
	Dir, Layout string
	Classes     Classes
	Train, Val  []Sample
}

// classesFile names the classes of a set of layout plain.
const classesFile = "classes.json"

// Open reads what a folder holds, in one of the Layouts, or in the first that fits where layout is "". No picture is
// read yet. Every image must have labels of the same name and the other way round; the error names the first that has
// none, and how many more there are. AboutLayouts says how each layout lies in a folder; classes.json, where one is read,
// is as
//
//	{"classes": ["road", "car"], "palette": ["804080", "40e0d0"], "ignore": 255}
//
// of which palette and ignore may be left out.
func Open(dir, layout string) (*Set, error) {
	s, problems, err := survey(dir, layout)
	if err != nil {
		return nil, err
	}
	if len(problems) > 0 {
		return nil, summary(problems)
	}
	for _, split := range []struct {
		samples []Sample
		from    []source
	}{{s.Train, layoutOf(s).train}, {s.Val, layoutOf(s).val}} {
		if len(split.samples) == 0 {
			return nil, fmt.Errorf("%s: no images (%s)", filepath.Join(dir, split.from[0].images), strings.Join(imageEndings, ", "))
		}
	}
	return s, nil
}

func layoutOf(s *Set) *layout {
	for i := range layouts {
		if layouts[i].name == s.Layout {
			return &layouts[i]
		}
	}
	return nil // unreachable: survey takes the name from there
}

// survey finds the layout and pairs the files, and lists what has no other half.
func survey(dir, layout string) (*Set, []problem, error) {
	l, err := findLayout(dir, layout)
	if err != nil {
		return nil, nil, err
	}
	s := &Set{Dir: dir, Layout: l.name}
	if s.Classes, err = openClasses(dir, l.classes); err != nil {
		return nil, nil, err
	}
	var problems []problem
	for _, split := range []struct {
		samples *[]Sample
		from    []source
	}{{&s.Train, l.train}, {&s.Val, l.val}} {
		for _, from := range split.from {
			list, more, err := from.samples(dir)
			if err != nil {
				return nil, nil, err
			}
			*split.samples = append(*split.samples, list...)
			problems = append(problems, more...)
		}
		sortByName(*split.samples)
	}
	return s, problems, nil
}

// findLayout gives the layout of a name, or the first that fits; it must have all its folders, lists and shards.
func findLayout(dir, name string) (*layout, error) {
	if info, err := os.Stat(dir); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return nil, fmt.Errorf("%s: it is a file, want a folder of images and labels", dir)
	}
	// For the hint where none fits: the layout that lacks the smallest share of its parts.
	nearest, least, lack := "", 1.0, ""
	for i := range layouts {
		l := &layouts[i]
		if name != "" && name != l.name || name == "" && l.named {
			continue
		}
		missing, share := l.missing(dir)
		switch {
		case missing == "":
			return l, nil
		case name != "":
			return nil, fmt.Errorf("%s: layout %s has %s, which is missing", dir, l.name, missing)
		case share < least:
			nearest, least, lack = l.name, share, missing
		}
	}
	if name != "" {
		return nil, fmt.Errorf("layout %q, want one of %s", name, strings.Join(Layouts(), ", "))
	}
	var fit []string
	for i := range layouts {
		if missing, _ := layouts[i].missing(dir); missing == "" {
			fit = append(fit, layouts[i].name)
		}
	}
	if len(fit) > 0 {
		return nil, fmt.Errorf("%s: it fits %s alike: say which (--layout)", dir, strings.Join(fit, " and "))
	}
	hint := ""
	if nearest != "" {
		hint = fmt.Sprintf("; the nearest is %s, but %s is missing", nearest, lack)
	}
	for _, sub := range []string{"VOCdevkit/VOC2012", "VOC2012", "ADEChallengeData2016", "tfrecord", "*"} {
		inside, err := filepath.Glob(filepath.Join(dir, sub))
		if err != nil {
			continue // the folder's own name holds a pattern
		}
		for _, folder := range inside {
			for i := range layouts {
				if missing, _ := layouts[i].missing(folder); missing == "" && !layouts[i].named {
					return nil, fmt.Errorf("%s: none of the layouts fits this folder, but %s fits %s: give that", dir, layouts[i].name, folder)
				}
			}
		}
	}
	return nil, fmt.Errorf("%s: none of the layouts fits this folder (%s)%s", dir, strings.Join(Layouts(), ", "), hint)
}

// missing names the first part of the layout that a folder lacks, and the share of them that it lacks.
func (l *layout) missing(dir string) (first string, share float64) {
	all, lacking := 0, 0
	need := func(there bool, what string) {
		if all++; !there {
			if lacking++; first == "" {
				first = what
			}
		}
	}
	for _, s := range append(append([]source{}, l.train...), l.val...) {
		if s.records != "" {
			files, err := shards(dir, s.records)
			need(len(files) > 0 || err != nil, "files "+s.records+"-00000-of-…")
			continue
		}
		for _, folder := range []string{s.images, s.labels} {
			info, err := os.Stat(filepath.Join(dir, folder))
			need(err == nil && info.IsDir(), "a folder "+folder)
		}
		if len(s.lists) > 0 {
			need(s.list(dir) != "", "a list "+s.lists[0])
		}
	}
	if l.classes == "" && l.train[0].records != "" { // with folders its absence is an error of its own
		_, err := os.Stat(filepath.Join(dir, classesFile))
		need(err == nil, "a file "+classesFile)
	}
	return first, float64(lacking) / float64(all)
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
	f, err := openRegular(path)
	if err != nil {
		return Classes{}, err
	}
	defer f.Close()
	c, err := parseClasses(io.LimitReader(f, 1<<20))
	if err != nil {
		return Classes{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// parseClasses reads a classes.json.
func parseClasses(r io.Reader) (Classes, error) {
	var file struct {
		Classes []string `json:"classes"`
		Palette []string `json:"palette"`
		Ignore  *uint8   `json:"ignore"`
	}
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return Classes{}, err
	}
	c := Classes{ClassNames: file.Classes, IgnoreLabel: 255, IgnoreColour: color.RGBA{A: 255}}
	if file.Ignore != nil {
		c.IgnoreLabel = *file.Ignore
	}
	if n := len(file.Classes); n < 2 || n >= MaxClasses {
		return Classes{}, fmt.Errorf("%d classes, want 2 to %d", n, MaxClasses-1)
	}
	if int(c.IgnoreLabel) < c.Len() {
		return Classes{}, fmt.Errorf("label %d is to be ignored, but is class %q too", c.IgnoreLabel, c.ClassNames[c.IgnoreLabel])
	}
	if len(file.Palette) > 0 && len(file.Palette) != c.Len() {
		return Classes{}, fmt.Errorf("%d colours for %d classes", len(file.Palette), c.Len())
	}
	for i := range c.ClassNames {
		rgb := []byte{byte(37 * (i + 1)), byte(91 * (i + 1)), byte(151 * (i + 1))}
		if len(file.Palette) > 0 {
			var err error
			if rgb, err = hex.DecodeString(strings.TrimPrefix(file.Palette[i], "#")); err != nil || len(rgb) != 3 {
				return Classes{}, fmt.Errorf("colour %q, want six hexadecimal digits", file.Palette[i])
			}
		}
		c.Palette = append(c.Palette, color.RGBA{rgb[0], rgb[1], rgb[2], 255})
	}
	c.coded = len(file.Palette) > 0 && !repeats(c.Palette)
	return c, nil
}

func repeats(palette []color.RGBA) bool {
	seen := make(map[color.RGBA]bool)
	for _, c := range palette {
		if seen[c] {
			return true
		}
		seen[c] = true
	}
	return false
}
