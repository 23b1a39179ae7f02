# Application settings, as the skeleton has them
DEBUG = False
RESTPLUS_MASK_SWAGGER = False
SWAGGER_UI_DOC_EXPANSION = 'none'
API_TITLE = 'MODEL TITLE'
API_DESC = 'DESCRIPTION'
API_VERSION = '1.1.0'
