package dataset

import "fmt"

// scheme is what the values of a label file stand for.
type scheme uint8

const (
	asClasses     scheme = iota // classes; IgnoreLabel and 255 are ignored
	oneUp                       // 0 is ignored, i is class i − 1 (ADE20K)
	cityscapesIDs               // Cityscapes' labelIds
	cocoStuffIDs                // COCO-Stuff's maps of pixels: the id in its table of labels, less 1
)

// strange is a value that a scheme does not know.
const strange = -1

// cityscapesTrainIDs gives the train id of each of Cityscapes' ids: cityscapesScripts' table of labels. License plates
// (−1) are not drawn into label files.
var cityscapesTrainIDs = [34]uint8{
	7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9, 23: 10, 24: 11, 25: 12, 26: 13, 27: 14, 28: 15,
	31: 16, 32: 17, 33: 18,
	// void, parking, rail track, guard rail, bridge, tunnel, polegroup, caravan, trailer
	0: Ignore, 1: Ignore, 2: Ignore, 3: Ignore, 4: Ignore, 5: Ignore, 6: Ignore, 9: Ignore, 10: Ignore, 14: Ignore, 15: Ignore,
	16: Ignore, 18: Ignore, 29: Ignore, 30: Ignore,
}

// table gives the class, Ignore or strange for each value.
func (s scheme) table(c *Classes) [256]int16 {
	var t [256]int16
	for v := range t {
		t[v] = strange
	}
	put := func(value int, class uint8) { t[value] = int16(class) }
	switch s {
	case asClasses:
		for v := range c.Len() {
			put(v, uint8(v))
		}
		put(int(c.IgnoreLabel), Ignore)
	case oneUp:
		put(0, Ignore)
		for v := range min(c.Len(), 254) {
			put(v+1, uint8(v))
		}
	case cityscapesIDs:
		for v, class := range cityscapesTrainIDs {
			put(v, class)
		}
	case cocoStuffIDs:
		for class, id := range cocoStuffLabels {
			put(id-1, uint8(class))
		}
	}
	put(Ignore, Ignore)
	return t
}

// want says which values there may be.
func (s scheme) want(c *Classes) string {
	switch s {
	case oneUp:
		return fmt.Sprintf("1 to %d, or 0 where no class is meant", c.Len())
	case cityscapesIDs:
		return fmt.Sprintf("Cityscapes' labelIds, 0 to %d", len(cityscapesTrainIDs)-1)
	case cocoStuffIDs:
		return "COCO-Stuff's ids less 1, 0 to 181 but for those of the 11 labels that it does not use, or 255"
	}
	return fmt.Sprintf("0 to %d, or %d where no class is meant", c.Len()-1, c.IgnoreLabel)
}

// apply makes classes of values, in place, and names the first that is strange.
func (s scheme) apply(c *Classes, ids []uint8, width int) error {
	t := s.table(c)
	for i, v := range ids {
		class := t[v]
		if class == strange {
			return fmt.Errorf("label %d at column %d, row %d, want %s", v, i%width, i/width, s.want(c))
		}
		ids[i] = uint8(class)
	}
	return nil
}
