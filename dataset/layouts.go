package dataset

// layout is how a data set lies in a folder. Everything that Open, data check and the help know of it is in its row.
type layout struct {
	name    string
	about   string
	classes string // a set of ByName, or "" for classes.json
	// named: the folder alone does not tell, so that it must be asked for.
	named      bool
	train, val []source
}

// source is where a part of a split's samples comes from: two folders, or shards of records. Paths are relative to the
// set's folder.
type source struct {
	images, labels string
	deep           bool     // files are one folder further down, as Cityscapes' are in cities
	lists          []string // files that name the samples, of which the first that exists counts; none: all that is there
	suffix         string   // of images' names, before the ending
	kinds          []kind   // of label files; of a sample's several the first counts. None: the images' names, class ids

	records string // prefix of the shards' names; images and labels are empty
	scheme  scheme // of their labels
}

// kind is one of the label files that a sample may have.
type kind struct {
	suffix string
	scheme scheme
}

// layouts is the table of folder layouts. The first that fits a folder is taken.
var layouts = []layout{
	{
		name: "camvid", classes: "camvid",
		about: "train/ trainannot/ val/ valannot/ as in SegNet's copy; label 11 is ignored",
		train: []source{{images: "train", labels: "trainannot"}},
		val:   []source{{images: "val", labels: "valannot"}},
	},
	{
		name: "cityscapes-coarse", classes: "cityscapes",
		about: "as cityscapes, but trained on gtCoarse/train_extra too",
		train: []source{cityscapesPart("train", "gtFine"), cityscapesPart("train_extra", "gtCoarse")},
		val:   []source{cityscapesPart("val", "gtFine")},
		named: true,
	},
	{
		name: "cityscapes", classes: "cityscapes",
		about: "leftImg8bit/ and gtFine/, with labelIds or labelTrainIds",
		train: []source{cityscapesPart("train", "gtFine")},
		val:   []source{cityscapesPart("val", "gtFine")},
	},
	{
		name: "voc-aug", classes: "voc",
		about: "as voc, but SBD's labels in SegmentationClassAug/ and its list in ImageSets/Segmentation/train_aug.txt",
		train: []source{vocPart("SegmentationClassAug", "train_aug", "trainaug")},
		val:   []source{vocPart("SegmentationClassAug", "val")},
	},
	{
		name: "voc", classes: "voc",
		about: "JPEGImages/ SegmentationClass/ ImageSets/Segmentation/, labels with or without their colours",
		train: []source{vocPart("SegmentationClass", "train")},
		val:   []source{vocPart("SegmentationClass", "val")},
	},
	{
		name: "ade20k", classes: "ade20k",
		about: "images/ and annotations/, each with training/ and validation/; label 0 is ignored, i is class i − 1",
		train: []source{{images: "images/training", labels: "annotations/training", kinds: []kind{{"", oneUp}}}},
		val:   []source{{images: "images/validation", labels: "annotations/validation", kinds: []kind{{"", oneUp}}}},
	},
	{
		name: "coco-stuff", classes: "coco-stuff",
		about: "images/ and annotations/, each with train2017/ and val2017/; pixel maps (0 to 181) or labelTrainIds",
		train: []source{{images: "images/train2017", labels: "annotations/train2017", kinds: cocoStuffKinds}},
		val:   []source{{images: "images/val2017", labels: "annotations/val2017", kinds: cocoStuffKinds}},
	},
	{
		name:  "plain",
		about: "images/train/ labels/train/ images/val/ labels/val/ and classes.json",
		train: []source{{images: "images/train", labels: "labels/train"}},
		val:   []source{{images: "images/val", labels: "labels/val"}},
	},
	{
		name: "cityscapes-tfrecord", classes: "cityscapes",
		about: "records of the authors' release: train_fine-00000-of-00010.tfrecord … and val_fine-…",
		train: []source{{records: "train_fine"}},
		val:   []source{{records: "val_fine"}},
	},
	{
		name:  "tfrecord",
		about: "records of the same form, train-… and val-…, and classes.json",
		train: []source{{records: "train"}},
		val:   []source{{records: "val"}},
	},
	{
		name: "voc-tfrecord", classes: "voc",
		about: "records of the authors' release: train-00000-of-00004.tfrecord … and val-…",
		train: []source{{records: "train"}},
		val:   []source{{records: "val"}},
		named: true,
	},
	{
		name: "voc-aug-tfrecord", classes: "voc",
		about: "the same, with train_aug-…",
		train: []source{{records: "train_aug"}},
		val:   []source{{records: "val"}},
	},
	{
		name: "ade20k-tfrecord", classes: "ade20k",
		about: "records of the authors' release, train-… and val-…; label 0 is ignored, label i is class i − 1",
		train: []source{{records: "train", scheme: oneUp}},
		val:   []source{{records: "val", scheme: oneUp}},
		named: true,
	},
}

func cityscapesPart(split, labels string) source {
	return source{
		images: "leftImg8bit/" + split, labels: labels + "/" + split, deep: true, suffix: "_leftImg8bit",
		kinds: []kind{{"_" + labels + "_labelTrainIds", asClasses}, {"_" + labels + "_labelIds", cityscapesIDs}},
	}
}

func vocPart(labels string, lists ...string) source {
	s := source{images: "JPEGImages", labels: labels}
	for _, l := range lists {
		s.lists = append(s.lists, "ImageSets/Segmentation/"+l+".txt")
	}
	return s
}

var cocoStuffKinds = []kind{{"_labelTrainIds", asClasses}, {"", cocoStuffIDs}}

// Layouts lists the layouts that Open knows, in the order in which it tries them.
func Layouts() []string {
	var names []string
	for _, l := range layouts {
		names = append(names, l.name)
	}
	return names
}

// AboutLayouts says how each of Layouts lies in a folder, one line each.
func AboutLayouts() [][2]string {
	var rows [][2]string
	for _, l := range layouts {
		rows = append(rows, [2]string{l.name, l.about})
	}
	return rows
}
