"""Django REST framework with its TokenAuthentication on SQLite, in one file.

DATABASE=FILE python app.py migrate
DATABASE=FILE python app.py prepare         makes the account that the benchmark signs in
DATABASE=FILE gunicorn app:application
"""

import os
import sys

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="a secret of the benchmark",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "rest_framework",
        "rest_framework.authtoken",
    ],
    MIDDLEWARE=["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"]}},
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.TokenAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    },
)
django.setup()

from django.contrib.auth.models import User  # noqa: E402  only now is there a Django to import from
from django.core.management import execute_from_command_line  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework.authtoken.views import obtain_auth_token  # noqa: E402
from rest_framework.decorators import api_view, authentication_classes, permission_classes  # noqa: E402
from rest_framework.request import Request  # noqa: E402
from rest_framework.response import Response  # noqa: E402


@api_view(["GET"])
@authentication_classes([])
@permission_classes([])
def ping(_: Request) -> Response:
    return Response({})


@api_view(["GET"])
def authenticated(request: Request) -> Response:
    return Response({"id": str(request.user.pk)})


urlpatterns = [
    path("ping", ping),
    path("authenticated", authenticated),
    path("api-token-auth/", obtain_auth_token),
]
application = get_wsgi_application()

if __name__ == "__main__":
    if sys.argv[1:] == ["prepare"]:
        User.objects.create_user("ada@bench.example", password="correct horse battery")
    else:
        execute_from_command_line(sys.argv)
