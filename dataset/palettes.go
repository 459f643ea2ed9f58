// Package dataset knows the label sets of the common benchmarks: class names, colours, and the label that is ignored.
package dataset

import (
	"encoding/hex"
	"fmt"
	"image/color"
	"slices"
	"strings"
)

// MaxClasses is how many classes a set may have: a mask is a PNG with a palette of 256 colours.
const MaxClasses = 256

// Classes is one label set. ClassNames and Palette have one entry a class, at the class's id (for Cityscapes the train
// id). Its slices are the caller's to change.
type Classes struct {
	// Name is what ByName finds the set by; "" for a set without one.
	Name       string
	ClassNames []string
	Palette    []color.RGBA
	// IgnoreLabel is the label value that means "no class"; metrics and losses leave such pixels out.
	IgnoreLabel uint8
	// IgnoreColour is how the benchmark paints IgnoreLabel.
	IgnoreColour color.RGBA
	// coded: Palette is the data set's own and has no colour twice, so that label maps may be in colours.
	coded bool
}

// Len is the number of classes.
func (c *Classes) Len() int { return len(c.ClassNames) }

// FullPalette gives 256 colours, as a mask's palette wants them: the classes', IgnoreColour at IgnoreLabel, else black.
func (c *Classes) FullPalette() []color.RGBA {
	full := slices.Repeat([]color.RGBA{{A: 255}}, 256)
	full[c.IgnoreLabel] = c.IgnoreColour
	copy(full, c.Palette)
	return full
}

// sets is the table of what ByName knows. The classes are text as parse reads it.
var sets = []struct {
	name    string
	classes string
	ignore  uint8
	colour  string
	coded   bool
}{
	{"ade20k", ade20k, 255, "000000", false}, // two classes share a colour
	{"camvid", camvid, 11, "000000", true},
	{"cityscapes", cityscapes, 255, "000000", false}, // its pictures in colours have those of ignored labels too
	{"coco-stuff", cocoStuff(), 255, "000000", false},
	{"voc", voc, 255, "e0e0c0", true},
}

// Names lists the sets that ByName knows, in alphabetical order.
func Names() []string {
	out := make([]string, len(sets))
	for i, s := range sets {
		out[i] = s.name
	}
	return out
}

// ByName gives a benchmark's label set: "ade20k", "camvid", "cityscapes",
// "coco-stuff" or "voc".
func ByName(name string) (*Classes, error) {
	for _, s := range sets {
		if s.name == name {
			c := parse(s.classes)
			c.Name, c.IgnoreLabel, c.IgnoreColour, c.coded = name, s.ignore, rgb(s.colour), s.coded
			return c, nil
		}
	}
	return nil, fmt.Errorf("unknown dataset %q, want one of %s", name, strings.Join(Names(), ", "))
}

// Generic makes a set of n classes, named "class 0", "class 1" …, for networks of which nothing else is known. Colours
// follow Pascal VOC's rule, under which all 256 differ. n must be 1 to MaxClasses.
func Generic(n int) (*Classes, error) {
	if n < 1 || n > MaxClasses {
		return nil, fmt.Errorf("%d classes, want 1 to %d", n, MaxClasses)
	}
	c := &Classes{IgnoreLabel: 255, IgnoreColour: bits(255)}
	for i := range n {
		c.ClassNames = append(c.ClassNames, fmt.Sprintf("class %d", i))
		c.Palette = append(c.Palette, bits(i))
	}
	return c, nil
}

// bits is the colour that the VOC development kit gives a label: the label's bits are dealt to red, green and blue in
// turn, from the lowest, and fill each channel from its highest bit down.
func bits(label int) color.RGBA {
	var c [3]uint8
	for shift := 7; label > 0; shift-- {
		for k := range c {
			c[k] |= uint8(label>>k&1) << shift
		}
		label >>= 3
	}
	return color.RGBA{c[0], c[1], c[2], 255}
}

// parse reads one class a line: the colour as six hexadecimal digits, a blank, the name.
func parse(text string) *Classes {
	c := &Classes{}
	for line := range strings.Lines(strings.TrimSpace(text)) {
		colour, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		c.ClassNames = append(c.ClassNames, name)
		c.Palette = append(c.Palette, rgb(colour))
	}
	return c
}

func rgb(digits string) color.RGBA {
	b, err := hex.DecodeString(digits)
	if err != nil || len(b) != 3 {
		panic("dataset: colour " + digits) // unreachable: the tables are in this package, and tested
	}
	return color.RGBA{b[0], b[1], b[2], 255}
}
