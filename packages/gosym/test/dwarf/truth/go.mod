module probelens.example/dwarftruth

go 1.20
