// Package synthetic makes a data set of landscapes with exact labels, so that search, training and evaluation can run with
// nothing downloaded.
//
// Nine classes are told apart by texture, shape and surroundings together. No colour belongs to one of them alone: water
// takes the sky's, crowns and meadows share theirs, so do cars and balloons, houses and roads; and the light tints each
// picture as a whole. What a small network must learn is, for instance, that ripples are water and clouds are sky, and
// that what stands on a road on wheels is a car.
package synthetic

// The classes' ids.
const (
	sky uint8 = iota
	mountain
	meadow
	water
	road
	house
	tree
	car
	balloon
)

// classes names the classes by id, with the colours of masks.
var classes = []struct{ name, colour string }{
	{"sky", "78b4f0"},
	{"mountain", "967864"},
	{"meadow", "a0dc78"},
	{"water", "1e5ac8"},
	{"road", "804080"},
	{"house", "e6963c"},
	{"tree", "286e32"},
	{"car", "dc143c"},
	{"balloon", "fad728"},
}
