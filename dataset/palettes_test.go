package dataset

import (
	"image/color"
	"slices"
	"strings"
	"testing"
)

func TestByName(t *testing.T) {
	type spot struct {
		id     int
		name   string
		colour color.RGBA
	}
	rgb := func(r, g, b uint8) color.RGBA { return color.RGBA{r, g, b, 255} }
	tests := map[string]struct {
		classes      int
		ignore       uint8
		ignoreColour color.RGBA
		spots        []spot
	}{
		"voc": {21, 255, rgb(224, 224, 192), []spot{
			{0, "background", rgb(0, 0, 0)}, {1, "aeroplane", rgb(128, 0, 0)}, {8, "cat", rgb(64, 0, 0)},
			{15, "person", rgb(192, 128, 128)}, {20, "tvmonitor", rgb(0, 64, 128)},
		}},
		"cityscapes": {19, 255, rgb(0, 0, 0), []spot{
			{0, "road", rgb(128, 64, 128)}, {6, "traffic light", rgb(250, 170, 30)}, {10, "sky", rgb(70, 130, 180)},
			{11, "person", rgb(220, 20, 60)}, {13, "car", rgb(0, 0, 142)}, {18, "bicycle", rgb(119, 11, 32)},
		}},
		"ade20k": {150, 255, rgb(0, 0, 0), []spot{
			{0, "wall", rgb(120, 120, 120)}, {2, "sky", rgb(6, 230, 230)}, {12, "person", rgb(150, 5, 61)},
			{20, "car", rgb(0, 102, 200)}, {142, "plate", rgb(0, 255, 184)}, {149, "flag", rgb(92, 0, 255)},
		}},
		"camvid": {11, 11, rgb(0, 0, 0), []spot{
			{0, "sky", rgb(128, 128, 128)}, {3, "road", rgb(128, 64, 128)}, {4, "pavement", rgb(60, 40, 222)},
			{10, "bicyclist", rgb(0, 128, 192)},
		}},
		"coco-stuff": {171, 255, rgb(0, 0, 0), []spot{
			{0, "person", rgb(128, 0, 0)}, {10, "fire hydrant", rgb(192, 128, 0)}, {11, "stop sign", rgb(64, 0, 128)},
			{79, "toothbrush", rgb(32, 64, 0)}, {80, "banner", rgb(160, 64, 0)}, {170, "wood", rgb(192, 160, 64)},
		}},
	}
	if got := Names(); len(got) != len(tests) || !slices.IsSorted(got) {
		t.Errorf("Names() = %v", got)
	}
	for _, name := range Names() {
		want := tests[name]
		c, err := ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		if c.Name != name || c.Len() != want.classes || len(c.Palette) != want.classes || c.IgnoreLabel != want.ignore || c.IgnoreColour != want.ignoreColour {
			t.Errorf("%s: %s, %d names, %d colours, ignore %d %v", name, c.Name, c.Len(), len(c.Palette), c.IgnoreLabel, c.IgnoreColour)
		}
		for _, s := range want.spots {
			if c.ClassNames[s.id] != s.name || c.Palette[s.id] != s.colour {
				t.Errorf("%s %d: %s %v, want %s %v", name, s.id, c.ClassNames[s.id], c.Palette[s.id], s.name, s.colour)
			}
		}
		names := slices.Sorted(slices.Values(c.ClassNames))
		if n := len(slices.Compact(names)); n != c.Len() || slices.Contains(names, "") {
			t.Errorf("%s: class names are empty or stand twice", name)
		}
		full := c.FullPalette()
		if len(full) != 256 || full[c.IgnoreLabel] != c.IgnoreColour || !slices.Equal(full[:c.Len()], c.Palette) || full[200] != rgb(0, 0, 0) {
			t.Errorf("%s: FullPalette is wrong", name)
		}
	}
	if _, err := ByName("pascal"); err == nil || !strings.Contains(err.Error(), "ade20k, camvid, cityscapes, coco-stuff, voc") {
		t.Errorf("an unknown name: %v", err)
	}
}

// TestGenericFollowsVOC compares the rule with the table of VOC's own colours.
func TestGenericFollowsVOC(t *testing.T) {
	g, err := Generic(256)
	if err != nil {
		t.Fatal(err)
	}
	v, err := ByName("voc")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(g.Palette[:21], v.Palette) || g.Palette[255] != v.IgnoreColour {
		t.Error("the rule does not give VOC's colours")
	}
	seen := make(map[color.RGBA]bool)
	for _, c := range g.Palette {
		seen[c] = true
	}
	if len(seen) != 256 || g.ClassNames[7] != "class 7" {
		t.Errorf("%d different colours, name %q", len(seen), g.ClassNames[7])
	}
	for _, n := range []int{-1, 0, 257} {
		if _, err := Generic(n); err == nil {
			t.Errorf("Generic(%d) gives no error", n)
		}
	}
}
