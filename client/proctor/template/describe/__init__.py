"""What a loaded model is made of, told without being asked: the protocol `describe`.

`document` looks at everything and writes `/output/metadata.json`. `found` walks over the loaded
`Model` and tells the objects of known frameworks apart; a module each describes one of them.
`files` reads what files of the folder say of themselves. No framework is imported that the model
has not imported itself, and nothing is unpickled.
"""
