"""The GLSL programs of the synthetic pictures' renderer. World axes: y up, millimetres; the ground is y = 0.

Light is linear; textures and pictures hold its square root (see training.synthetic.light). With a software
rasteriser the triangles of a body are a few pixels large, so work per fragment costs several times the pixels it
covers: light, the sun's shadow and shine are computed per vertex.
"""

from __future__ import annotations

from training.synthetic import lens

_AMBIENT = """
uniform vec3 ambient_rgb[9];
vec3 ambient(vec3 n) {           // irradiance / pi from spherical harmonics, bands 0 to 2
    vec3 sum = ambient_rgb[0] * 0.282095
        + ambient_rgb[1] * 0.488603 * n.y + ambient_rgb[2] * 0.488603 * n.z + ambient_rgb[3] * 0.488603 * n.x
        + ambient_rgb[4] * 1.092548 * n.x * n.y + ambient_rgb[5] * 1.092548 * n.y * n.z
        + ambient_rgb[6] * 0.315392 * (3.0 * n.z * n.z - 1.0)
        + ambient_rgb[7] * 1.092548 * n.x * n.z + ambient_rgb[8] * 0.546274 * (n.x * n.x - n.y * n.y);
    return max(sum, vec3(0.0));
}
"""

BODY_VERTEX = (
    """
#version 330
in vec3 position;
in vec3 normal;
in vec2 uv;
out vec4 light;                  // what a white surface reflects; last, the share of the sun that shines
out vec2 at;
uniform vec2 near_far;
uniform sampler2D sun_depth;
uniform mat4 sun_from_world;
uniform float sun_bias;
uniform vec3 sun_direction;
uniform vec3 sun_rgb;
uniform float exposure;
"""
    + _AMBIENT
    + lens.GLSL
    + """
float sunlit(vec3 world) {       // share of the sun that is not hidden, 3 x 3 taps
    vec3 seen = (sun_from_world * vec4(world, 1.0)).xyz * 0.5 + 0.5;
    if (any(lessThan(seen, vec3(0.0))) || any(greaterThan(seen, vec3(1.0)))) return 1.0;
    ivec2 size = textureSize(sun_depth, 0);
    ivec2 middle = ivec2(seen.xy * vec2(size));
    float lit = 0.0;
    for (int i = -1; i <= 1; i++) for (int j = -1; j <= 1; j++) {
        ivec2 tap = clamp(middle + ivec2(i, j), ivec2(0), size - 1);
        lit += step(seen.z - sun_bias, texelFetch(sun_depth, tap, 0).r);
    }
    return lit / 9.0;
}

void main() {
    vec3 from_eye = position - eye, n = normal;
    vec3 to_eye = -normalize(from_eye);
    float facing = max(dot(n, sun_direction), 0.0);
    float lit = facing > 0.0 ? sunlit(position + n * 8.0) : 0.0;
    float low = clamp(position.y / 400.0, 0.0, 1.0);   // legs see less sky where they stand
    float grazing = 1.0 - max(dot(n, to_eye), 0.0);
    vec3 sky = ambient(n) * mix(0.75, 1.0, low);
    light.rgb = exposure * (sky + sun_rgb * facing * lit);
    // a dull highlight of the sun, and at grazing angles a little of the sky (Schlick 1994 with 0.03 straight on)
    float shine = pow(max(dot(n, normalize(to_eye + sun_direction)), 0.0), 24.0) * 0.08 * lit;
    light.a = shine + 0.06 * pow(grazing, 4.0);
    at = uv;

    vec3 c = camera_from_world * from_eye;
    vec2 q = c.z > near_far.x ? bent(c.xy / c.z) * c.z : c.xy;
    vec3 placed = raster_from_lens * vec3(q, c.z);
    float near = near_far.x, far = near_far.y;
    gl_Position = vec4(placed.xy, ((far + near) * c.z - 2.0 * far * near) / (far - near), c.z);
}
"""
)

BODY_FRAGMENT = """
#version 330
in vec4 light;
in vec2 at;
layout(location = 0) out vec4 colour;
layout(location = 1) out uint surface;     // depth in 1/64 mm, then 255 - owner in 8 bits
uniform sampler2D albedo;                  // roots of linear light; alpha is the share of skin
uniform mat3 skin_rgb;
uniform mat3 cloth_rgb;
uniform vec3 shine_rgb;
uniform uint owner;
void main() {
    vec4 texel = texture(albedo, at);
    vec3 own = texel.rgb * texel.rgb;
    vec3 tinted = max(mix(cloth_rgb * own, skin_rgb * own, texel.a), vec3(0.0));
    colour = vec4(sqrt(clamp(tinted * light.rgb + shine_rgb * light.a, 0.0, 1.0)), 1.0);
    surface = (min(uint(64.0 / gl_FragCoord.w + 0.5), 0xffffffu) << 8) | (255u - owner);
}
"""

BACKDROP_VERTEX = (
    """
#version 330
in vec2 corner;
out vec3 ray;                    // into the world, not of unit length
uniform mat3 lens_from_ndc;
"""
    + lens.GLSL
    + """
void main() {
    vec2 seen = (lens_from_ndc * vec3(corner, 1.0)).xy, straight = seen;
    for (int i = 0; i < 20; i++) straight -= bent(straight) - seen;   // as engine.body.camera
    ray = vec3(clamp(straight, -4.0, 4.0), 1.0) * camera_from_world;  // times the transpose: back into the world
    gl_Position = vec4(corner, 0.0, 1.0);
}
"""
)

BACKDROP_FRAGMENT = """
#version 330
in vec3 ray;
out vec4 colour;
uniform sampler2D panorama;      // roots of linear light
uniform sampler2D ground_light;  // share of the sun, share of the sky
uniform vec4 ground_span;        // x and z of its first corner, 1 / width in x and z
uniform vec3 eye;
uniform vec3 centre;             // where the panorama was taken, above the ground
uniform float turn;
uniform float radius;            // mm
uniform vec3 ground_sun_rgb;     // parts of the light on open ground: the two sum to one
uniform vec3 ground_sky_rgb;

// The arc tangent within 0.0002 rad, a thirtieth of a pixel of a panorama of 1024 columns.
float angle(float y, float x) {
    float small = min(abs(x), abs(y)), large = max(max(abs(x), abs(y)), 1e-9), a = small / large, s = a * a;
    float r = ((-0.0464964749 * s + 0.15931422) * s - 0.327622764) * s * a + a;
    r = abs(y) > abs(x) ? 1.57079637 - r : r;
    r = x < 0.0 ? 3.14159274 - r : r;
    return y < 0.0 ? -r : r;
}

void main() {
    vec3 r = normalize(ray), from = eye - centre;   // the picture lies on a sphere around where it was taken ...
    float along = dot(from, r);
    float wall = -along + sqrt(max(along * along - dot(from, from) + radius * radius, 0.0));
    float floor = r.y < -1e-4 && eye.y > 0.0 ? -eye.y / r.y : 1e9;
    vec3 d = from + r * min(wall, floor);
    vec2 seen = vec2((angle(d.x, -d.z) + turn) / 6.2831853 + 0.5, angle(length(d.xz), d.y) / 3.1415927);
    // ... and, inside it, on the ground, where people take light away.
    vec2 share = textureLod(ground_light, (eye.xz + r.xz * floor - ground_span.xy) * ground_span.zw, 0.0).rg;
    vec3 left = ground_sky_rgb * share.g + ground_sun_rgb * share.r;
    vec3 root = textureLod(panorama, seen, 0.0).rgb;
    colour = vec4(root * (floor < wall ? sqrt(left) : vec3(1.0)), 1.0);
}
"""
