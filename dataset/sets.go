package dataset

// voc is Pascal VOC's segmentation task, in the form of parse: names and colours of its development kit, where the
// border between objects (label 255) is ignored.
const voc = `
000000 background
800000 aeroplane
008000 bicycle
808000 bird
000080 boat
800080 bottle
008080 bus
808080 car
400000 cat
c00000 chair
408000 cow
c08000 diningtable
400080 dog
c00080 horse
408080 motorbike
c08080 person
004000 pottedplant
804000 sheep
00c000 sofa
80c000 train
004080 tvmonitor
`

// cityscapes is the 19 classes that count in the benchmark, by train id, in the form of parse; cityscapesScripts'
// table of labels has names and colours.
const cityscapes = `
804080 road
f423e8 sidewalk
464646 building
66669c wall
be9999 fence
999999 pole
faaa1e traffic light
dcdc00 traffic sign
6b8e23 vegetation
98fb98 terrain
4682b4 sky
dc143c person
ff0000 rider
00008e car
000046 truck
003c64 bus
005064 train
0000e6 motorcycle
770b20 bicycle
`

// camvid is CamVid's 11 classes in the order and colours of SegNet's copy of the data set, in the form of parse; its
// label 11, void, is ignored.
const camvid = `
808080 sky
800000 building
c0c080 pole
804080 road
3c28de pavement
808000 tree
c08080 sign
404080 fence
400080 car
404000 pedestrian
0080c0 bicyclist
`
